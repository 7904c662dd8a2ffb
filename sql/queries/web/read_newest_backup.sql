-- The newest whole backup of any kind, and the newest drill, good or bad. A time ahead of the clock proves nothing.
SELECT 'backup' AS what, kind, finished_at AS at, coalesce(verified, 'never') AS verdict, NULL::double precision AS seconds
FROM (
  SELECT kind, finished_at, verified
  FROM backups
  WHERE status = 'complete' AND finished_at <= now() + interval '1 minute'
  ORDER BY finished_at DESC
  LIMIT 1
) AS newest
UNION ALL
SELECT 'drill', NULL, started_at, CASE WHEN success THEN 'good' ELSE 'failed' END, total_seconds
FROM (
  SELECT started_at, success, total_seconds
  FROM restore_drills
  WHERE started_at <= now() + interval '1 minute'
  ORDER BY started_at DESC
  LIMIT 1
) AS newest
