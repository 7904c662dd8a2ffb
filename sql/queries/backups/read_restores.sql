-- The newest restores, and whether the database that each replaced is still kept.
SELECT
  backup_id, database, kept_as, first_backup, approved_by, finished_at, run_url,
  EXISTS (SELECT FROM pg_database WHERE datname = kept_as) AS is_kept
FROM restores
ORDER BY finished_at DESC
LIMIT :most
