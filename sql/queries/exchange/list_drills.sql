-- The newest drills of the kill switch, with their steps as JSON.
SELECT id, started_at, finished_at, success, steps, run_url
FROM trading_drills
ORDER BY id DESC
LIMIT :rows
