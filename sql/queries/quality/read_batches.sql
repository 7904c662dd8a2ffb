-- What the suite of candles said of some batches and did not find well.
SELECT id, day, suite, batch, rows, details, run_url, created_at
FROM data_quality_results
WHERE suite = 'candles' AND batch = ANY(CAST(:batches AS text[])) AND NOT success
ORDER BY batch
