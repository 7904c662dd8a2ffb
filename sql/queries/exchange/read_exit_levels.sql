-- Entries of ours with a trade, and the levels of the stops and targets that the exchange makes of them. An entry waits a
-- month at most until they are made.
SELECT exchange_order_id, symbol, side, quantity, stop_price, target_price, trade_signal_id
FROM orders
WHERE exchange = :exchange
  AND symbol = ANY(CAST(:symbols AS text [])) AND created_at > now() - interval '30 days'
  AND origin = 'tradeops'
  AND submitted_at IS NOT NULL
  AND trade_signal_id IS NOT NULL
