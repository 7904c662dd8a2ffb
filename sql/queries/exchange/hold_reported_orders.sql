-- Our orders that the exchange reports, by its number or our id, held until this transaction ends. Those that were
-- touched since the exchange was asked are compared the next time.
SELECT
  id, symbol, status, status_reason, quantity, filled_quantity, average_price, price, client_order_id, exchange_order_id,
  :asked_at - coalesce(submitted_at, created_at) AS age,
  updated_at >= :asked_at AND id <> ALL(CAST(:adopted AS uuid[])) AS touched
FROM orders
WHERE
  exchange = :exchange
  AND (exchange_order_id = ANY(:numbers) OR client_order_id = ANY(:client_ids) OR id = ANY(CAST(:ids AS uuid[])))
ORDER BY id
FOR UPDATE
