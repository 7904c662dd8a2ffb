-- The audited days, the newest first.
SELECT
  day,
  count(*) AS batches,
  count(*) FILTER (WHERE severity = 'critical') AS critical,
  count(*) FILTER (WHERE severity = 'warning') AS warnings
FROM data_quality_results
GROUP BY day
ORDER BY day DESC
LIMIT :limit
