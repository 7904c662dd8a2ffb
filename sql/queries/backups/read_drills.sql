-- The newest drills, the oldest of them first: a time ahead of the clock is none.
SELECT *
FROM (
  SELECT backup_id, started_at, restore_seconds, total_seconds, bytes, rows, success, findings, run_url
  FROM restore_drills
  WHERE started_at <= now()
  ORDER BY started_at DESC
  LIMIT :most
) AS newest
ORDER BY started_at
