-- The newest reports, the newest first.
SELECT id, kind, run_url, created_at, findings, sections
FROM maintenance_reports
ORDER BY created_at DESC
LIMIT :limit
