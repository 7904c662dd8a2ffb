-- Orders that only the exchange knows become ours to watch: origin external. Our own are never taken for one: they
-- are known by their number, or by the id that was written before they were handed over.
INSERT INTO orders (
  exchange, symbol, side, order_type, price, stop_price, quantity, client_order_id, exchange_order_id, reduce_only,
  status, origin, created_at, submitted_at
)
SELECT
  :exchange, r.symbol, r.side, r.order_type, r.price, r.stop_price, r.quantity, r.client_order_id, r.exchange_order_id,
  r.reduce_only, 'open', 'external', coalesce(r.created_at, now()), coalesce(r.created_at, now())
FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS r (
  symbol text, side text, order_type text, price numeric, stop_price numeric, quantity numeric, client_order_id text,
  exchange_order_id text, reduce_only boolean, created_at timestamptz
)
WHERE NOT EXISTS (
  SELECT FROM orders AS o
  WHERE o.client_order_id = r.client_order_id OR (o.exchange = :exchange AND o.exchange_order_id = r.exchange_order_id)
)
ON CONFLICT DO NOTHING
RETURNING id, exchange_order_id
