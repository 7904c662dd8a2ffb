-- The candles of one resolution in the union of the windows, each candle once, as CSV: a row holds the lines of up to
-- 1,000 candles, for the client's work is by the row. `OFFSET 0` keeps the planner to one look into the index for
-- each piece. The pieces come in order and each look gives its candles in the index's order, so that a million of
-- them are not sorted once more. A window of thousands of years is cut into 4,096 pieces at most.
SELECT lines
FROM (
  SELECT
    '"' || replace(symbol, '"', '""') || '",' AS named,
    symbol,
    lower(span) + width * piece AS starts,
    least(lower(span) + width * (piece + 1), upper(span)) AS ends
  FROM (
    SELECT symbol, unnest(range_agg(tstzrange(start_at, end_at))) AS span
    FROM unnest(CAST(:symbols AS text[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
      AS wanted (symbol, start_at, end_at)
    GROUP BY symbol
  ) AS merged
  CROSS JOIN LATERAL (
    SELECT greatest(resolution_interval(:resolution) * 1000, (upper(span) - lower(span)) / 4096) AS width
  ) AS cut
  CROSS JOIN LATERAL generate_series(
    0, ceil(extract(epoch FROM upper(span) - lower(span)) / extract(epoch FROM width))::int - 1
  ) AS piece
  ORDER BY symbol, starts
  OFFSET 0
) AS wanted
CROSS JOIN LATERAL (
  SELECT
    string_agg(
      concat(
        wanted.named, timestamp, ',', open, ',', high, ',', low, ',', close, ',', volume,
        ',"', replace(source, '"', '""'), '"'
      ),
      E'\n'
    ) AS lines
  FROM (
    SELECT *
    FROM market_candles AS held
    WHERE held.symbol = wanted.symbol
      AND held.resolution = :resolution
      AND held.timestamp >= wanted.starts
      AND held.timestamp < wanted.ends
      AND (held.source = 'sandbox') = :sandbox
    ORDER BY held.timestamp
    OFFSET 0
  ) AS candle
) AS block
WHERE lines IS NOT NULL
