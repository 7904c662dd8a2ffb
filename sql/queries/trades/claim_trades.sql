-- Takes due trades under a lease, at most :claim_limit of them, the longest overdue first.
-- Batches keep the trades of a symbol together, so that each batch reads few candles.
-- Two sweeps at once: SKIP LOCKED keeps them off each other's rows, and the WHERE of the upsert looks at the
-- lease again under the row's lock, for a sweep whose snapshot is older than the other's commit.
INSERT INTO settlement_claims AS held
  (trade_signal_id, claim_id, batch, claimed_at, lease_expires_at, attempts)
SELECT
  due.id,
  :claim_id,
  ((row_number() OVER (ORDER BY due.symbol, due.generated_at, due.id) - 1) / :batch_size)::int,
  now(),
  now() + :lease,
  1
FROM (
  SELECT signal.id, signal.symbol, signal.generated_at
  FROM trade_signals AS signal
  LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  WHERE signal.status = 'active'
    AND signal.expires_at <= now()
    AND (
      claim.trade_signal_id IS NULL
      OR (claim.lease_expires_at <= now() AND coalesce(claim.next_attempt_at, '-infinity') <= now())
    )
  ORDER BY signal.expires_at
  LIMIT :claim_limit
  FOR UPDATE OF signal SKIP LOCKED
) AS due
ORDER BY due.id  -- every statement locks claims in this order, a signal before its claim: no deadlock
ON CONFLICT (trade_signal_id) DO UPDATE SET
  claim_id = excluded.claim_id,
  batch = excluded.batch,
  claimed_at = excluded.claimed_at,
  lease_expires_at = excluded.lease_expires_at,
  attempts = held.attempts + 1,
  next_attempt_at = NULL,
  resolution = NULL,
  data_quality_score = NULL,
  data_source = NULL,
  gate = NULL,
  reason = NULL
WHERE held.lease_expires_at <= now() AND coalesce(held.next_attempt_at, '-infinity') <= now()
