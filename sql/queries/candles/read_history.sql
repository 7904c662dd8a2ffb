-- The candles of one symbol that open in [:start, :end), in the resolution :timeframe: each one from the coarsest of
-- :resolutions that has it, put together from finer valid candles where at least :enough of them are there.
WITH valid AS (
  SELECT
    date_bin(resolution_interval(:timeframe), timestamp, '1970-01-05T00:00:00Z') AS opens_at,
    resolution, timestamp, open, high, low, close, volume, source
  FROM market_candles
  WHERE symbol = :symbol
    AND resolution = ANY (CAST(:resolutions AS text[]))
    AND timestamp >= :start
    AND timestamp < :end
    AND (source = 'sandbox') = :sandbox
    AND low > 0
    AND low <= least(open, close)
    AND high >= greatest(open, close)
    AND volume >= 0
), joined AS (
  SELECT
    opens_at,
    resolution,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    array_agg(DISTINCT source) AS sources
  FROM valid
  GROUP BY opens_at, resolution
  HAVING count(*) * extract(epoch FROM resolution_interval(resolution))
    >= :enough * extract(epoch FROM resolution_interval(:timeframe))
)
SELECT DISTINCT ON (opens_at)
  opens_at AS timestamp, open::float8, high::float8, low::float8, close::float8, volume::float8, sources
FROM joined
ORDER BY opens_at, resolution_interval(resolution) DESC
