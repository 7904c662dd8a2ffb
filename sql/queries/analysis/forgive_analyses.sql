-- Takes back the tries of trades whose model failed every question in the same way: that is not their doing. Those of
-- this claim lose the try that it was; what was given up meanwhile is due again; of a run of analyse_trades they are
-- unfinished again.
WITH pause AS (
  SELECT alike_since FROM llm_endpoints
  WHERE address = :address AND model = :model AND paused_for = 'alike' AND paused_until > now()
), failed AS MATERIALIZED (
  SELECT DISTINCT call.trade_signal_id
  FROM llm_calls AS call, pause
  WHERE call.at >= pause.alike_since AND call.model_asked = :model AND call.purpose = 'post_mortem'
    AND call.trade_signal_id IS NOT NULL
), request AS (
  UPDATE analysis_requests AS request
  SET finished_at = NULL, outcome = NULL, reason = NULL
  FROM failed, pause
  WHERE request.claim_id = :claim_id AND request.trade_signal_id = failed.trade_signal_id
    AND request.finished_at >= pause.alike_since AND request.outcome NOT IN ('stored', 'not_needed')
)
UPDATE analysis_claims AS claim
SET attempts = CASE WHEN claim.claim_id = :claim_id THEN greatest(claim.attempts - 1, 0) ELSE 0 END, given_up_at = NULL
FROM failed, pause
WHERE claim.trade_signal_id = failed.trade_signal_id
  AND (claim.claim_id = :claim_id OR claim.given_up_at >= pause.alike_since)
