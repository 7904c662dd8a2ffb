-- Makes the batches of a replay from its trades, one row a phase, and notes how many trades it is about.
WITH counted AS (
  UPDATE replays SET trades = :trades, left_out = CAST(:left_out AS jsonb) WHERE id = :replay_id
)
INSERT INTO replay_batches (replay_id, phase, batch)
SELECT :replay_id, phase, batch
FROM (SELECT DISTINCT batch FROM replay_trades WHERE replay_id = :replay_id) AS chosen
CROSS JOIN unnest(CAST(:phases AS text[])) AS wanted (phase)
