-- One result.
SELECT id, day, suite, batch, rows, details, run_url, created_at
FROM data_quality_results
WHERE id = :id
