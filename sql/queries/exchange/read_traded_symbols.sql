-- The symbols that may have trades in a window, or positions.
SELECT symbol
FROM orders
WHERE exchange = :exchange AND status <> 'planned' AND (closed_at IS NULL OR closed_at >= :since)
UNION
SELECT symbol FROM positions WHERE exchange = :exchange AND size <> 0
