-- Holders by state since :since, in order.
SELECT judged_at, full_holders, grace_holders, none_holders, unknown_holders
FROM access_counts
WHERE judged_at >= :since
ORDER BY judged_at
LIMIT :rows
