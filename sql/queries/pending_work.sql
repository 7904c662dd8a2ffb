-- Is there anything for a sweep besides due trades: analyses to write, statistics to refresh?
SELECT
  EXISTS (SELECT 1 FROM performance_refreshes) AS stale_statistics,
  EXISTS (
    SELECT 1
    FROM trade_results AS result
    JOIN trade_signals AS signal ON signal.id = result.trade_signal_id
    LEFT JOIN analysis_claims AS claim ON claim.trade_signal_id = signal.id
    WHERE result.ai_analysis IS NULL
      AND signal.status IN ('completed_success', 'completed_failure')
      AND coalesce(claim.lease_expires_at, '-infinity') <= now()
      AND coalesce(claim.next_attempt_at, '-infinity') <= now()
      AND coalesce(claim.attempts, 0) < :analysis_attempts
  ) AS missing_analyses
