-- Stored trades that the exchange now describes differently.
SELECT
  f.trade_id, f.order_id, f.symbol,
  jsonb_build_object('side', f.side, 'price', f.price, 'quantity', f.quantity, 'order_id', f.order_id) AS ours,
  jsonb_build_object('side', r.side, 'price', r.price, 'quantity', r.quantity, 'order_id', r.order_id) AS theirs
FROM jsonb_to_recordset(CAST(:fills AS jsonb)) AS r (
  trade_id text, order_id uuid, side text, price numeric, quantity numeric
)
JOIN fills AS f ON f.exchange = :exchange AND f.trade_id = r.trade_id
WHERE (f.side, f.price, f.quantity, f.order_id) IS DISTINCT FROM (r.side, r.price, r.quantity, r.order_id)
