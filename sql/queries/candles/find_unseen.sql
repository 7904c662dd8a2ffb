-- The stretches of a window of which the store holds no candle with four positive prices, the longest first: from the
-- open time of the first one that is missing to the close of the last, with their number; in each row how many
-- stretches there are.
WITH edges AS (
  SELECT
    length,
    date_bin(length, CAST(:start AS timestamptz) + length - interval '1 microsecond', grid) AS first_open,
    date_bin(length, CAST(:end AS timestamptz), grid) AS last_close
  FROM (SELECT resolution_interval(:resolution) AS length, timestamptz '1970-01-05 00:00Z' AS grid) AS given
), seen AS (
  SELECT timestamp AS opened
  FROM market_candles
  CROSS JOIN edges
  WHERE symbol = :symbol
    AND resolution = :resolution
    AND timestamp >= first_open
    AND timestamp < last_close
    AND least(open, high, low, close) > 0
    AND greatest(open, high, low, close) < 'Infinity'
), steps AS (
  SELECT opened + length AS starts, lead(opened, 1, last_close) OVER (ORDER BY opened) AS ends, length
  FROM seen
  CROSS JOIN edges
  UNION ALL
  SELECT first_open, coalesce((SELECT min(opened) FROM seen), last_close), length
  FROM edges
)
SELECT
  starts, ends,
  (extract(epoch FROM ends - starts) / extract(epoch FROM length))::bigint AS candles,
  count(*) OVER () AS stretches
FROM steps
WHERE ends > starts
ORDER BY ends - starts DESC, starts
LIMIT :most
