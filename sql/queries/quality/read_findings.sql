-- The batches of one run of the audit that did not meet every expectation, the critical ones first.
SELECT suite, batch, rows, details
FROM data_quality_results
WHERE run_url = :run_url AND NOT success
ORDER BY severity, suite, batch
LIMIT :limit
