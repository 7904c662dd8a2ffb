-- Orders as the exchange's evidence makes them.
UPDATE orders AS o
SET
  status = r.status,
  status_reason = r.status_reason,
  filled_quantity = r.filled_quantity,
  average_price = r.average_price,
  exchange_order_id = r.exchange_order_id,
  unknown_since = CASE WHEN r.status = 'unknown' THEN o.unknown_since END,
  closed_at = CASE
    WHEN r.status IN ('filled', 'cancelled', 'rejected', 'expired') THEN coalesce(o.closed_at, now())
  END,
  updated_at = now()
FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS r (
  id uuid, status text, status_reason text, filled_quantity numeric, average_price numeric, exchange_order_id text
)
WHERE o.id = r.id
