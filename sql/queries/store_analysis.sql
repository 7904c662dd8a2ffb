-- Stores one analysis, if the claim is still ours and nobody stored one before, and ends the claim.
-- The result is locked before the claim, as claim_analyses does it.
WITH result AS MATERIALIZED (
  SELECT trade_signal_id FROM trade_results WHERE trade_signal_id = CAST(:id AS uuid) FOR UPDATE
), mine AS (
  DELETE FROM analysis_claims AS claim
  USING result
  WHERE claim.trade_signal_id = result.trade_signal_id AND claim.claim_id = :claim_id
  RETURNING claim.trade_signal_id
)
UPDATE trade_results AS result
SET ai_analysis = :analysis, ai_analysis_detail = CAST(:detail AS jsonb), ai_analysis_generated_at = now()
FROM mine
WHERE result.trade_signal_id = mine.trade_signal_id AND result.ai_analysis IS NULL
