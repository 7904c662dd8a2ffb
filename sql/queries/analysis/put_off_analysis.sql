-- Gives an analysis that failed back, with the reason. A failure of the service is no try of this trade (:counts
-- false); a final one ends its tries (:final), as does the last of :attempts. The next try waits 5 minutes, doubled
-- with each failure: up to 80 minutes while the service fails, up to 21 hours when it is the trade's own doing. A
-- trade that has an older analysis is not tried again by itself. (set_back_future_rows knows the longest wait.)
WITH result AS MATERIALIZED (
  SELECT trade_signal_id, ai_analysis IS NOT NULL AS analysed
  FROM trade_results WHERE trade_signal_id = CAST(:id AS uuid) FOR UPDATE
), dropped AS (
  DELETE FROM analysis_claims AS claim
  USING result
  WHERE claim.trade_signal_id = result.trade_signal_id AND claim.claim_id = :claim_id AND result.analysed
), counted AS (
  INSERT INTO metric_changes (metric, labels, value)
  SELECT 'tradeops_analyses_total', jsonb_build_object('outcome', CAST(:outcome AS text)), 1
  FROM result
  JOIN analysis_claims USING (trade_signal_id)
  WHERE claim_id = :claim_id
), request AS (
  UPDATE analysis_requests
  SET finished_at = now(), outcome = :outcome, reason = :error
  WHERE claim_id = :claim_id AND trade_signal_id = CAST(:id AS uuid) AND :counts
)
UPDATE analysis_claims AS claim
SET
  lease_expires_at = now(),
  attempts = attempts + CAST(:counts AS integer),
  failures = failures + 1,
  next_attempt_at = now() + interval '5 minutes' * 2 ^ least(failures, CASE WHEN :counts THEN 8 ELSE 4 END),
  given_up_at = CASE WHEN :final OR (:counts AND attempts + 1 >= :attempts) THEN now() END,
  last_error = :error
FROM result
WHERE claim.trade_signal_id = result.trade_signal_id AND claim.claim_id = :claim_id AND NOT result.analysed
