-- Takes up to :limit trades of a batch of a work list under a lease, also such as were given up. A trade that another
-- run works on is left for later; one that needs no analysis any more is finished.
WITH not_needed AS (
  UPDATE analysis_requests AS request
  SET finished_at = now(), outcome = 'not_needed',
    reason = CASE WHEN result.ai_analysis IS NULL THEN 'it is not settled any more'
      ELSE 'it was analysed meanwhile' END
  FROM trade_signals AS signal
  LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
  WHERE request.claim_id = :claim_id AND request.batch = :batch AND request.finished_at IS NULL
    AND signal.id = request.trade_signal_id
    AND (
      result.trade_signal_id IS NULL
      OR signal.status NOT IN ('completed_success', 'completed_failure')
      OR (result.ai_analysis IS NOT NULL AND NOT request.redo)
    )
), due AS (
  SELECT result.trade_signal_id
  FROM trade_results AS result
  WHERE result.trade_signal_id IN (
    SELECT request.trade_signal_id
    FROM analysis_requests AS request
    JOIN trade_results AS wanted ON wanted.trade_signal_id = request.trade_signal_id
    JOIN trade_signals AS signal ON signal.id = request.trade_signal_id
    LEFT JOIN analysis_claims AS claim ON claim.trade_signal_id = request.trade_signal_id
    WHERE request.claim_id = :claim_id AND request.batch = :batch AND request.finished_at IS NULL
      AND (request.redo OR wanted.ai_analysis IS NULL)
      AND signal.status IN ('completed_success', 'completed_failure')
      AND coalesce(claim.lease_expires_at, '-infinity') <= now()
    ORDER BY coalesce(claim.failures, 0), request.trade_signal_id
    LIMIT :limit
  )
  FOR UPDATE SKIP LOCKED
)
INSERT INTO analysis_claims AS held (trade_signal_id, claim_id, lease_expires_at)
SELECT trade_signal_id, :claim_id, now() + :lease FROM due
ON CONFLICT (trade_signal_id) DO UPDATE SET
  claim_id = excluded.claim_id,
  lease_expires_at = excluded.lease_expires_at,
  next_attempt_at = NULL,
  given_up_at = NULL
WHERE held.lease_expires_at <= now()
RETURNING trade_signal_id::text AS id
