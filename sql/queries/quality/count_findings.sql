-- How many batches one run of the audit looked at, and how many had critical faults or warnings only.
SELECT
  count(*) AS batches,
  count(*) FILTER (WHERE severity = 'critical') AS critical,
  count(*) FILTER (WHERE severity = 'warning') AS warnings
FROM data_quality_results
WHERE run_url = :run_url
