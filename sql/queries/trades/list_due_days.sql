-- Days that are over and have changed since they were rolled up, the newest first.
SELECT DISTINCT day
FROM daily_stats_due
WHERE day < (now() AT TIME ZONE 'UTC')::date
ORDER BY day DESC
LIMIT :limit
