-- What the suites said of one day: critical faults, then warnings, then the rest.
SELECT id, day, suite, batch, rows, details, run_url, created_at
FROM data_quality_results
WHERE day = :day
ORDER BY severity NULLS LAST, suite, batch
LIMIT :limit
