-- The newest backups that are there, with what a person tells them apart by.
SELECT
  id AS value,
  kind || ' of ' || to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ', ' || coalesce(verified, 'not verified') AS label
FROM backups
WHERE status = 'complete'
ORDER BY started_at DESC, id DESC
LIMIT :limit
