-- An order of an accepted signal. Its client order id follows from the signal, so that planning twice plans it once.
INSERT INTO orders (
  exchange, symbol, side, order_type, price, stop_price, target_price, leverage, quantity, client_order_id,
  signal_id, trade_signal_id
)
VALUES (
  :exchange, :symbol, :side, :order_type, :price, :stop_price, :target_price, :leverage, :quantity, :client_order_id,
  :signal_id, :trade_signal_id
)
ON CONFLICT (client_order_id) DO NOTHING
