-- Stores one analysis, if the claim is still ours and nobody stored one before (or it shall be replaced), and ends
-- the claim. The former one stays in the history. The result is locked before the claim, as claim_analyses does it.
WITH result AS MATERIALIZED (
  SELECT trade_signal_id, :redo OR ai_analysis IS NULL AS wanted
  FROM trade_results WHERE trade_signal_id = CAST(:id AS uuid) FOR UPDATE
), claim AS (
  DELETE FROM analysis_claims AS held
  USING result
  WHERE held.trade_signal_id = result.trade_signal_id AND held.claim_id = :claim_id
  RETURNING held.trade_signal_id, result.wanted
), request AS (
  UPDATE analysis_requests AS asked
  SET finished_at = now(),
    outcome = CASE WHEN claim.wanted THEN 'stored' ELSE 'not_needed' END,
    reason = CASE WHEN NOT claim.wanted THEN 'it was analysed meanwhile' END
  FROM claim
  WHERE asked.claim_id = :claim_id AND asked.trade_signal_id = claim.trade_signal_id
), former AS (
  UPDATE trade_analyses AS analysis
  SET superseded_at = now()
  FROM claim
  WHERE analysis.trade_signal_id = claim.trade_signal_id AND analysis.superseded_at IS NULL AND claim.wanted
  RETURNING analysis.id
), latest AS (
  INSERT INTO trade_analyses (trade_signal_id, model, choice, analysis, detail, cost_usd, requested_by)
  SELECT trade_signal_id, :model, :choice, :analysis, CAST(:detail AS jsonb), CAST(:cost AS numeric), :requested_by
  FROM claim
  WHERE wanted AND (SELECT count(*) FROM former) >= 0  -- after the former one has left the unique index
), counted AS (
  INSERT INTO metric_changes (metric, labels, value)
  SELECT 'tradeops_analyses_total', jsonb_build_object('outcome', 'stored'), 1
  FROM claim
  WHERE wanted
)
UPDATE trade_results AS target
SET ai_analysis = :analysis, ai_analysis_detail = CAST(:detail AS jsonb), ai_analysis_generated_at = now()
FROM claim
WHERE target.trade_signal_id = claim.trade_signal_id AND claim.wanted
