-- Takes up to :limit settled trades that lack an analysis under a lease: those that failed least often first, then
-- the newest settlements.
WITH due AS (
  SELECT trade_signal_id
  FROM trade_results
  WHERE ai_analysis IS NULL
    AND trade_signal_id IN (
      SELECT trade_signal_id
      FROM missing_analyses
      WHERE state = 'due'
      ORDER BY failures, completed_at DESC, trade_signal_id
      LIMIT :limit
    )
  FOR UPDATE SKIP LOCKED
)
INSERT INTO analysis_claims AS held (trade_signal_id, claim_id, lease_expires_at)
SELECT trade_signal_id, :claim_id, now() + :lease FROM due
ON CONFLICT (trade_signal_id) DO UPDATE SET
  claim_id = excluded.claim_id,
  lease_expires_at = excluded.lease_expires_at,
  next_attempt_at = NULL
WHERE held.lease_expires_at <= now()
  AND coalesce(held.next_attempt_at, '-infinity') <= now()
  AND held.given_up_at IS NULL
RETURNING trade_signal_id::text AS id
