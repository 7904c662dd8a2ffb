-- Orders that a process began to submit and has not finished: it has died, or lost the database.
SELECT id
FROM orders
WHERE
  exchange = :exchange AND status = 'submitting' AND closed_at IS NULL
  AND submitted_at < now() - CAST(:lapse AS interval)
LIMIT :limit
