-- Settled trades that lack an analysis, with the reason: the one place that says which of them are due.
CREATE OR REPLACE VIEW missing_analyses WITH (security_invoker = true) AS
SELECT
  signal.id AS trade_signal_id,
  signal.user_id,
  signal.symbol,
  signal.completed_at,
  CASE
    WHEN claim.given_up_at IS NOT NULL THEN 'given_up'
    WHEN claim.lease_expires_at > now() THEN 'under_way'
    WHEN claim.next_attempt_at > now() THEN 'waiting'
    ELSE 'due'
  END AS state,
  coalesce(claim.attempts, 0) AS attempts,
  coalesce(claim.failures, 0) AS failures,
  claim.next_attempt_at,
  claim.last_error AS reason
FROM trade_results AS result
JOIN trade_signals AS signal ON signal.id = result.trade_signal_id
LEFT JOIN analysis_claims AS claim ON claim.trade_signal_id = signal.id
WHERE result.ai_analysis IS NULL AND signal.status IN ('completed_success', 'completed_failure');

COMMENT ON VIEW missing_analyses IS
  'Settled trades without an analysis: due, under_way, waiting (for its next try) or given_up, and why';
