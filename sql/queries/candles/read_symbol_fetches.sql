-- What sources were last asked for of a symbol in a window, each source and resolution once, the newest first.
SELECT *
FROM (
  SELECT DISTINCT ON (source, resolution)
    source, resolution, start_at, end_at, fetched_at, ask_again_at, candles, outcome, reason
  FROM (
    SELECT *
    FROM candle_fetches
    WHERE symbol = :symbol AND start_at < CAST(:end AS timestamptz) AND end_at > CAST(:start AS timestamptz)
    ORDER BY fetched_at DESC
    LIMIT 2000
  ) AS recent
  ORDER BY source, resolution, fetched_at DESC
) AS newest
ORDER BY fetched_at DESC
LIMIT :most
