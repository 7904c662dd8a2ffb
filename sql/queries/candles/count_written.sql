-- Counts candles that a source has given, for /metrics, and notes how far they reach. A time ahead of the clock is none.
INSERT INTO metric_changes (metric, labels, value, latest)
VALUES
  ('tradeops_candles_written_total', jsonb_build_object('source', CAST(:source AS text)), :written, false),
  (
    'tradeops_newest_candle_timestamp_seconds', jsonb_build_object('source', CAST(:source AS text)),
    extract(epoch FROM least(CAST(:reach AS timestamptz), now())), true
  )
