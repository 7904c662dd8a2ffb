-- Our orders that the exchange may have, and those that differ, the longest unseen first.
SELECT id, symbol, client_order_id, exchange_order_id
FROM orders
WHERE
  exchange = :exchange AND status <> 'planned'
  AND (
    closed_at IS NULL
    OR id IN (SELECT order_id FROM reconciliation_differences WHERE exchange = :exchange AND resolved_at IS NULL)
  )
ORDER BY coalesce(submitted_at, created_at)
