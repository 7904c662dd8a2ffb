-- The candles of a symbol in one resolution that open in [:start, :end), put together to longer ones of :bucket, in their
-- order. What lacks four positive prices is none; weeks begin on Monday.
SELECT
  date_bin(CAST(:bucket AS interval), timestamp, timestamptz '1970-01-05 00:00Z') AS opened,
  (array_agg(open ORDER BY timestamp))[1] AS open,
  max(high) AS high,
  min(low) AS low,
  (array_agg(close ORDER BY timestamp DESC))[1] AS close,
  count(*) AS candles,
  max(timestamp) AS newest,
  string_agg(DISTINCT source, ' + ') AS source
FROM market_candles
WHERE symbol = :symbol
  AND resolution = :resolution
  AND timestamp >= CAST(:start AS timestamptz)
  AND timestamp < CAST(:end AS timestamptz)
  AND least(open, high, low, close) > 0
  AND greatest(open, high, low, close) < 'Infinity'
GROUP BY opened
ORDER BY opened
