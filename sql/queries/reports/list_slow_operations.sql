-- The operations that took longest in a period, one row a name.
SELECT metric_type, metric_name, operations, slowest
FROM (
  SELECT
    metric_type, metric_name, count(*) AS operations,
    max(CASE unit WHEN 'seconds' THEN value * 1000 ELSE value END) AS slowest
  FROM atge_performance_metrics
  WHERE timestamp >= :begins AND timestamp < :ends AND unit IN ('ms', 'seconds')
    AND value > '-Infinity' AND value < 'Infinity'
  GROUP BY metric_type, metric_name
) AS operation
ORDER BY slowest DESC, metric_name
LIMIT :limit
