-- Orders that only the exchange knows become ours to watch: origin external. Our own are never taken for one: they
-- are known by their number, or by the id that was written before they were handed over. A stop or a target that the
-- exchange made of an entry of ours belongs to that entry's trade: by the entry's number if it says so, else by symbol,
-- side, quantity and level, where all entries that fit are of one trade.
WITH reported AS MATERIALIZED (
  SELECT r.*
  FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS r (
    symbol text, side text, order_type text, price numeric, stop_price numeric, quantity numeric, client_order_id text,
    exchange_order_id text, reduce_only boolean, created_at timestamptz, parent_id text
  )
  WHERE NOT EXISTS (
    SELECT FROM orders AS o
    WHERE o.client_order_id = r.client_order_id OR (o.exchange = :exchange AND o.exchange_order_id = r.exchange_order_id)
  )
), levels AS MATERIALIZED (  -- an entry waits a month at most until its exits are made
  SELECT entry.symbol, entry.side, entry.quantity, level.price, entry.trade_signal_id
  FROM orders AS entry
  CROSS JOIN LATERAL (VALUES (entry.stop_price), (entry.target_price)) AS level (price)
  WHERE entry.exchange = :exchange
    AND entry.symbol IN (SELECT symbol FROM reported WHERE reduce_only)
    AND entry.created_at > now() - interval '30 days'
    AND entry.origin = 'tradeops'
    AND entry.submitted_at IS NOT NULL
    AND entry.trade_signal_id IS NOT NULL
), fitting AS (
  SELECT r.exchange_order_id, min(CAST(levels.trade_signal_id AS text)) AS trade
  FROM reported AS r
  JOIN levels
    ON levels.symbol = r.symbol
    AND levels.quantity = r.quantity
    AND levels.price = r.stop_price
    AND levels.side <> r.side
  WHERE r.reduce_only
  GROUP BY r.exchange_order_id
  HAVING count(DISTINCT levels.trade_signal_id) = 1
)
INSERT INTO orders (
  exchange, symbol, side, order_type, price, stop_price, quantity, client_order_id, exchange_order_id, reduce_only,
  status, origin, created_at, submitted_at, trade_signal_id
)
SELECT
  :exchange, r.symbol, r.side, r.order_type, r.price, r.stop_price, r.quantity, r.client_order_id, r.exchange_order_id,
  r.reduce_only, 'open', 'external', coalesce(r.created_at, now()), coalesce(r.created_at, now()),
  coalesce(parent.trade_signal_id, CAST(fitting.trade AS uuid))
FROM reported AS r
LEFT JOIN orders AS parent
  ON parent.exchange = :exchange AND parent.exchange_order_id = r.parent_id AND parent.side <> r.side AND r.reduce_only
LEFT JOIN fitting ON fitting.exchange_order_id = r.exchange_order_id
ON CONFLICT DO NOTHING
RETURNING id, exchange_order_id
