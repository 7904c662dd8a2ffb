-- A report for its page: its newest version, and where its files are.
SELECT id, kind, period_start, period_end, version, known_until, figures, location, files, stored_at, run_url
FROM reports
WHERE id = :id
