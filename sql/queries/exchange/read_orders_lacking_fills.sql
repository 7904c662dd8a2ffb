-- Orders that the exchange says are filled further than their stored trades add up to; from the open differences.
SELECT o.exchange_order_id, o.symbol, o.created_at
FROM reconciliation_differences AS d
JOIN orders AS o ON o.id = d.order_id
WHERE d.exchange = :exchange AND d.kind = 'fills' AND d.resolved_at IS NULL AND o.exchange_order_id IS NOT NULL
ORDER BY d.first_seen
LIMIT :limit
