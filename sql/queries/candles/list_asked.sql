-- What the sources said when they were asked for a stretch of a symbol, the newest of each first.
SELECT DISTINCT ON (source) source, fetched_at, outcome, candles, reason
FROM (
  SELECT source, fetched_at, outcome, candles, reason
  FROM candle_fetches
  WHERE symbol = :symbol
    AND (resolution = :resolution OR resolution IS NULL)
    AND start_at < CAST(:end AS timestamptz)
    AND end_at > CAST(:start AS timestamptz)
  ORDER BY fetched_at DESC
  LIMIT 500
) AS asked
ORDER BY source, fetched_at DESC
