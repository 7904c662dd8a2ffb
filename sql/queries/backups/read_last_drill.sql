-- The newest good drill: how long the restore took, and how large the restored database was.
SELECT restore_seconds, bytes
FROM restore_drills
WHERE success AND started_at <= now() + interval '1 minute'
ORDER BY started_at DESC
LIMIT 1
