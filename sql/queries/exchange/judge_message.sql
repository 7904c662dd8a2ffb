-- Writes what was read in a message and what becomes of it.
UPDATE signals
SET
  kind = :kind, status = :status, reason = :reason, symbol = :symbol, direction = :direction,
  order_type = :order_type, entries = CAST(:entries AS jsonb), targets = CAST(:targets AS jsonb),
  stop_loss = CAST(:stop_loss AS numeric), leverage = CAST(:leverage AS numeric),
  amount = CAST(:amount AS numeric), parsed = CAST(:parsed AS jsonb),
  trade_signal_id = CAST(:trade_signal_id AS uuid)
WHERE id = :id
