-- A trade as a message from outside proposes it.
INSERT INTO trade_signals (
  user_id, symbol, direction, timeframe, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3,
  allocation_1, allocation_2, allocation_3, ai_model, ai_reasoning, expires_at
)
VALUES (
  :user_id, :symbol, :direction, :timeframe, :entry, :stop, :target_1, :target_2, :target_3,
  :share_1, :share_2, :share_3, :model, :reasoning, now() + CAST(:lives AS interval)
)
RETURNING id
