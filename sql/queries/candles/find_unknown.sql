-- Where the symbol was unknown when it was last asked for, and is not to be asked for again yet.
SELECT DISTINCT ON (source) source, reason
FROM candle_fetches
WHERE symbol = :symbol AND outcome = 'unknown_symbol' AND ask_again_at > :now
  -- as in candles/find_gaps
  AND ask_again_at <= CAST(:now AS timestamptz) + interval '6 hours 1 minute'
  AND fetched_at <= CAST(:now AS timestamptz) + interval '1 minute'
ORDER BY source, fetched_at DESC
