-- Where symbols were unknown when they were last asked for, and are not to be asked for again yet.
SELECT DISTINCT ON (symbol, source) symbol, source, reason
FROM candle_fetches
WHERE symbol = ANY(CAST(:symbols AS text[])) AND outcome = 'unknown_symbol' AND ask_again_at > :now
  -- as in candles/find_gaps
  AND ask_again_at <= CAST(:now AS timestamptz) + interval '6 hours 1 minute'
  AND fetched_at <= CAST(:now AS timestamptz) + interval '1 minute'
ORDER BY symbol, source, fetched_at DESC
