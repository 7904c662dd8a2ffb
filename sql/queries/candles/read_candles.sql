-- The candles of one resolution in the union of the windows, each candle once. `OFFSET 0` keeps the planner to
-- one look into the index for each merged window, also where a symbol has thousands of them. The spans come in order
-- and each look gives its candles in the index's order, so that a million of them are not sorted once more.
SELECT candle.symbol, candle.timestamp, open, high, low, close, volume, source
FROM (
  SELECT symbol, span
  FROM (
    SELECT symbol, unnest(range_agg(tstzrange(start_at, end_at))) AS span
    FROM unnest(CAST(:symbols AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
      AS wanted (symbol, start_at, end_at)
    GROUP BY symbol
  ) AS merged
  ORDER BY symbol, span
  OFFSET 0
) AS wanted
CROSS JOIN LATERAL (
  SELECT *
  FROM market_candles AS held
  WHERE held.symbol = wanted.symbol
    AND held.resolution = :resolution
    AND held.timestamp >= lower(wanted.span)
    AND held.timestamp < upper(wanted.span)
    AND (held.source = 'sandbox') = :sandbox
  ORDER BY held.timestamp
  OFFSET 0
) AS candle
