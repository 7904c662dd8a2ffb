-- Stops and targets that the exchange made of entries of ours belong to their trades.
UPDATE orders
SET trade_signal_id = found.trade_signal_id
FROM jsonb_to_recordset(CAST(:exits AS jsonb)) AS found (id uuid, trade_signal_id uuid)
WHERE orders.id = found.id
