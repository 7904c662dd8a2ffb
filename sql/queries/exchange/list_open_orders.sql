-- Orders that are not closed, the newest first: of a status and a symbol if they are given, and before a place.
SELECT
  id, created_at, exchange, symbol, side, order_type, price, stop_price, quantity, filled_quantity, average_price,
  status, status_reason, client_order_id, exchange_order_id, reduce_only, origin, unknown_since, trade_signal_id
FROM orders
WHERE closed_at IS NULL
  AND (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:symbol AS text) IS NULL OR symbol = :symbol)
  AND (
    CAST(:before_id AS uuid) IS NULL
    OR (created_at, id) < (CAST(:before_at AS timestamptz), CAST(:before_id AS uuid))
  )
ORDER BY created_at DESC, id DESC
LIMIT :rows
