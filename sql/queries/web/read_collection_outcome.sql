-- How many candles a trade's window has.
SELECT count(*) AS candles, min(timestamp) AS first_candle, max(timestamp) AS last_candle, CAST(NULL AS text) AS reason
FROM trade_historical_prices
WHERE trade_signal_id = :trade_signal_id
