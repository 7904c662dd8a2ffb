-- The resolution that sources were asked for most often of late.
SELECT resolution
FROM (
  SELECT resolution FROM candle_fetches WHERE resolution IS NOT NULL ORDER BY fetched_at DESC LIMIT 500
) AS late
GROUP BY resolution
ORDER BY count(*) DESC, resolution
LIMIT 1
