-- One version of a report with its figures; none where a newer version has replaced it.
SELECT version, kind, period_start, period_end, figures, files, stored_at
FROM reports
WHERE id = :id AND version = :version
