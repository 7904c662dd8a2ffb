-- Notes what a source was asked for. The older a gap, the less likely it is to be filled soon: it is asked for
-- again after as long as it has been past, so that the pauses double; 5 minutes at least, 6 hours at most.
-- A source that failed, or that may be asked for nothing (:remember false), may be asked again at once.
INSERT INTO candle_fetches
  (symbol, resolution, source, start_at, end_at, fetched_at, ask_again_at, candles, outcome, reason)
VALUES (
  :symbol, :resolution, :source, :start, :end, :now,
  CASE WHEN :remember
    THEN CAST(:now AS timestamptz) + least(
      greatest(CAST(:now AS timestamptz) - CAST(:end AS timestamptz), interval '5 minutes'), interval '6 hours'
    )
    ELSE :now
  END,
  :candles, :outcome, :reason
)
