-- One version of a report with its figures; none where a newer version has replaced it.
SELECT id, version, kind, period_start, period_end, known_until, figures, location, files, stored_at
FROM reports
WHERE id = :id AND version = :version
