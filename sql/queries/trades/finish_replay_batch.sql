-- Marks a batch as done, unless trades of it are still to do; answers whether it is done.
UPDATE replay_batches AS batch
SET finished_at = coalesce(finished_at, now()), counts = CAST(:counts AS jsonb), worker = NULL, lease_expires_at = NULL
WHERE replay_id = :replay_id AND phase = :phase AND batch = :batch
  AND (
    phase = 'candles'
    OR NOT EXISTS (
      SELECT FROM replay_trades AS item
      WHERE item.replay_id = batch.replay_id AND item.batch = batch.batch AND item.outcome IS NULL
    )
  )
RETURNING true
