-- The attempts of a batch that are still under way; their lease is renewed. Two tasks of a run do this at the same
-- time: they lock the rows in the order in which they write them later, so that neither waits for the other for good.
WITH locked AS (
  SELECT id
  FROM signal_attempts
  WHERE run_id = :run_id AND batch = :batch AND outcome = 'working'
  ORDER BY symbol, timeframe, user_id
  FOR UPDATE
),

renewed AS (
  UPDATE signal_attempts AS attempt SET lease_expires_at = now() + :lease
  FROM locked
  WHERE attempt.id = locked.id
  RETURNING
    attempt.id, attempt.user_id, attempt.symbol, attempt.timeframe, attempt.snapshot, attempt.indicators,
    attempt.recent_candles, attempt.proposal
)

SELECT id::text, user_id::text, symbol, timeframe, snapshot, indicators, recent_candles, proposal
FROM renewed
ORDER BY symbol, timeframe, user_id
