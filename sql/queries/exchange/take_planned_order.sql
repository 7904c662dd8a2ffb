-- An order that waits, locked; no row: somebody else has it, or has had it.
SELECT *, created_at < now() - CAST(:age AS interval) AS too_old
FROM orders
WHERE id = :id AND status = 'planned'
FOR UPDATE SKIP LOCKED
