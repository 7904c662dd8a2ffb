-- The attempts of a batch that are still under way; their lease is renewed.
WITH renewed AS (
  UPDATE signal_attempts SET lease_expires_at = now() + :lease
  WHERE run_id = :run_id AND batch = :batch AND outcome = 'working'
  RETURNING id, user_id, symbol, timeframe, snapshot, indicators, recent_candles, proposal
)
SELECT id::text, user_id::text, symbol, timeframe, snapshot, indicators, recent_candles, proposal
FROM renewed
ORDER BY symbol, timeframe, user_id
