-- Notes what sources were asked for. The older a gap, the less likely it is to be filled soon: it is asked for
-- again after as long as it has been past, so that the pauses double; 5 minutes at least, 6 hours at most.
-- A source that failed, or that may be asked for nothing (:remembered false), may be asked again at once.
INSERT INTO candle_fetches
  (symbol, resolution, source, start_at, end_at, fetched_at, ask_again_at, candles, outcome, reason)
SELECT
  symbol, resolution, source, start_at, end_at, CAST(:now AS timestamptz),
  CASE WHEN remembered
    THEN CAST(:now AS timestamptz) + least(
      greatest(CAST(:now AS timestamptz) - end_at, interval '5 minutes'), interval '6 hours'
    )
    ELSE CAST(:now AS timestamptz)
  END,
  candles, outcome, reason
FROM unnest(
  CAST(:symbols AS text[]), CAST(:resolutions AS text[]), CAST(:sources AS text[]), CAST(:starts AS timestamptz[]),
  CAST(:ends AS timestamptz[]), CAST(:remembered AS boolean[]), CAST(:candles AS integer[]), CAST(:outcomes AS text[]),
  CAST(:reasons AS text[])
) AS noted (symbol, resolution, source, start_at, end_at, remembered, candles, outcome, reason)
