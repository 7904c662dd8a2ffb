-- Takes the next unfinished batch of a phase under a lease: one that nobody holds, whose lease has lapsed, or that
-- this worker held when it died. Materialised: evaluated for each row, SKIP LOCKED would take several.
WITH next AS MATERIALIZED (
  SELECT batch
  FROM replay_batches
  WHERE replay_id = :replay_id
    AND phase = :phase
    AND finished_at IS NULL
    AND (lease_expires_at IS NULL OR lease_expires_at <= now() OR worker = :worker)
  ORDER BY batch
  LIMIT 1
  FOR UPDATE SKIP LOCKED
)
UPDATE replay_batches AS batch
SET worker = :worker, lease_expires_at = now() + :lease
FROM next
WHERE batch.replay_id = :replay_id AND batch.phase = :phase AND batch.batch = next.batch
RETURNING batch.batch
