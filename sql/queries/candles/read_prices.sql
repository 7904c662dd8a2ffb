-- The candles of a symbol in one resolution that open in [:start, :end), as one JSON array: those that open behind
-- :behind (null: from the beginning), no more than :rows. Always one row. include/candles/prices.py fills the braces.
SELECT
  CAST(:symbol AS text) AS symbol,
  CAST(:resolution AS text) AS resolution,
  {start} AS start_at,
  {end} AS end_at,
  CAST(:end AS timestamptz) < now() - interval '1 day' AS is_final,
  coalesce(json_agg({candle} ORDER BY candle.place) FILTER (WHERE candle.place <= :rows), '[]')::text AS candles,
  count(*) > :rows AS more,
  max(candle.timestamp) FILTER (WHERE candle.place = :rows)::text AS last
FROM (
  SELECT *, row_number() OVER (ORDER BY timestamp) AS place
  FROM market_candles
  WHERE symbol = :symbol
    AND resolution = :resolution
    AND timestamp >= CAST(:start AS timestamptz)
    AND timestamp < CAST(:end AS timestamptz)
    AND timestamp > coalesce(CAST(:behind AS timestamptz), '-infinity')
  ORDER BY timestamp
  LIMIT :rows + 1
) AS candle
