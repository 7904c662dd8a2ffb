-- Stores one analysis, if the claim is still ours and nobody stored one before, and ends the claim.
WITH mine AS (
  DELETE FROM analysis_claims WHERE trade_signal_id = CAST(:id AS uuid) AND claim_id = :claim_id
  RETURNING trade_signal_id
)
UPDATE trade_results AS result
SET ai_analysis = :analysis, ai_analysis_detail = CAST(:detail AS jsonb), ai_analysis_generated_at = now()
FROM mine
WHERE result.trade_signal_id = mine.trade_signal_id AND result.ai_analysis IS NULL
