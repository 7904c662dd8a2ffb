-- The candles of a trade's window, as the view trade_historical_prices has them, as one JSON array: those that open behind
-- :behind (null: from the beginning), no more than :rows. One row, if :only_user may see the trade (null: everybody's).
-- include/candles/prices.py fills the braces.
SELECT
  signal.symbol,
  shown.resolution,
  {start} AS start_at,
  {end} AS end_at,
  result.id IS NOT NULL AS is_final,
  page.*
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
CROSS JOIN LATERAL (
  SELECT coalesce(
    result.data_resolution, finest_resolution(signal.symbol, signal.generated_at, signal.expires_at)
  ) AS resolution
  OFFSET 0
) AS shown
CROSS JOIN LATERAL (
  SELECT
    coalesce(json_agg({candle} ORDER BY candle.place) FILTER (WHERE candle.place <= :rows), '[]')::text AS candles,
    count(*) > :rows AS more,
    max(candle.timestamp) FILTER (WHERE candle.place = :rows)::text AS last
  FROM (
    SELECT *, row_number() OVER (ORDER BY timestamp) AS place
    FROM market_candles
    WHERE symbol = signal.symbol
      AND resolution = shown.resolution
      AND timestamp >= signal.generated_at
      AND timestamp <= signal.expires_at - resolution_interval(shown.resolution)
      AND timestamp > coalesce(CAST(:behind AS timestamptz), '-infinity')
    ORDER BY timestamp
    LIMIT :rows + 1
  ) AS candle
) AS page
WHERE signal.id = CAST(:id AS uuid) AND (CAST(:only_user AS uuid) IS NULL OR signal.user_id = CAST(:only_user AS uuid))
