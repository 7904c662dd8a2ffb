-- Holders by state at the newest judgement up to :at.
SELECT full_holders, grace_holders, none_holders, unknown_holders
FROM access_counts
WHERE judged_at <= :at
ORDER BY judged_at DESC
LIMIT 1
