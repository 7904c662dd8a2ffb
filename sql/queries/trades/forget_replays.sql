-- Forgets the work lists of replays that ended more than 30 days ago, up to 50 batches at a time; the replays
-- themselves, their reports and the history of results stay.
WITH old AS (
  SELECT batch.replay_id, batch.phase, batch.batch
  FROM replay_batches AS batch
  JOIN replays AS replay ON replay.id = batch.replay_id
  WHERE replay.finished_at < now() - interval '30 days'
  LIMIT 50
  FOR UPDATE OF batch SKIP LOCKED
), trades AS (
  DELETE FROM replay_trades AS item
  USING old
  WHERE item.replay_id = old.replay_id AND item.batch = old.batch
)
DELETE FROM replay_batches AS batch
USING old
WHERE (batch.replay_id, batch.phase, batch.batch) = (old.replay_id, old.phase, old.batch)
