-- Orders that wait to be submitted, the oldest first.
SELECT id
FROM orders
WHERE exchange = :exchange AND status = 'planned' AND closed_at IS NULL
ORDER BY created_at, id
LIMIT :limit
