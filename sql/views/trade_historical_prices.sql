-- For each trade the candles of its window: those that open at or after the signal and close at or before the
-- expiry. A settled trade shows the resolution that settled it, any other the finest that the store holds in its
-- window.
--
-- The id stays the same for good: 20 hexadecimal digits of a hash of the trade's id, once a trade, then 12 of the
-- candle's time in seconds, once a candle. (A hash of both for each candle made counting twice as slow.)
CREATE OR REPLACE VIEW trade_historical_prices WITH (security_invoker = true) AS
SELECT
  (shown.id_prefix || to_hex(extract(epoch FROM candle.timestamp)::bigint + x'100000000000'::bigint))::uuid AS id,
  signal.id AS trade_signal_id,
  candle.timestamp,
  candle.open,
  candle.high,
  candle.low,
  candle.close,
  candle.volume,
  candle.source AS data_source,
  candle.fetched_at AS created_at
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
CROSS JOIN LATERAL (
  SELECT
    left(md5(signal.id::text), 20) AS id_prefix,
    coalesce(result.data_resolution, finest_resolution(signal.symbol, signal.generated_at, signal.expires_at))
      AS resolution
  OFFSET 0  -- worked out once a trade, not once a candle
) AS shown
JOIN market_candles AS candle
  ON candle.symbol = signal.symbol
  AND candle.resolution = shown.resolution
  AND candle.timestamp >= signal.generated_at
  AND candle.timestamp <= signal.expires_at - resolution_interval(shown.resolution);

COMMENT ON VIEW trade_historical_prices IS 'For each trade the candles of its window';
