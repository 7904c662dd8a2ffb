-- A replay, and how many batches each of its phases has.
SELECT
  replay.*,
  (
    SELECT coalesce(jsonb_object_agg(phase, batches), '{}')
    FROM (SELECT phase, count(*) AS batches FROM replay_batches WHERE replay_id = replay.id GROUP BY phase) AS phases
  ) AS batches
FROM replays AS replay
WHERE id = :replay_id
