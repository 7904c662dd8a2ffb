-- How many valid candles of a resolution each source gave, by symbol and cell of :width from :start to :end. `OFFSET 0` as
-- in candles/read_candles: one look into the index for each symbol.
SELECT wanted.symbol, held.cell, held.source, held.candles
FROM unnest(CAST(:symbols AS text[])) AS wanted (symbol)
CROSS JOIN LATERAL (
  SELECT
    floor(extract(epoch FROM timestamp - CAST(:start AS timestamptz)) / extract(epoch FROM CAST(:width AS interval)))::int
      AS cell,
    source,
    count(*) AS candles
  FROM market_candles
  WHERE symbol = wanted.symbol
    AND resolution = :resolution
    AND timestamp >= CAST(:start AS timestamptz)
    AND timestamp < CAST(:end AS timestamptz)
    AND (source = 'sandbox') = :sandbox
    AND low > 0
    AND low <= least(open, close)
    AND high >= greatest(open, close)
    AND volume >= 0
  GROUP BY 1, 2
  OFFSET 0
) AS held
