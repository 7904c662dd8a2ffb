-- Makes the missing partitions of market_candles for open times from each of :firsts to that of :lasts; what lies in the
-- same months is made together.
SELECT ensure_candle_partitions(min(first_at), max(last_at))
FROM unnest(CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[])) AS wanted (first_at, last_at)
GROUP BY date_trunc('month', first_at, 'UTC'), date_trunc('month', last_at, 'UTC')
ORDER BY min(first_at)
