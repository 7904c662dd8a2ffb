-- How many batches of a replay are still to do.
SELECT count(*) FROM replay_batches WHERE replay_id = :replay_id AND finished_at IS NULL
