-- The newest comparisons with the exchange.
SELECT started_at, finished_at, exchange, outcome, reason, checked, differences, resolved, took, run_url
FROM reconciliations
ORDER BY id DESC
LIMIT :rows
