-- The measurements of the last 24 hours by type. A type measured in two units has two rows: milliseconds and
-- seconds have no common average.
CREATE OR REPLACE VIEW atge_performance_summary_24h WITH (security_invoker = true) AS
SELECT
  metric_type,
  unit,
  count(*) AS count,
  avg(value) AS average,
  min(value) AS min,
  max(value) AS max,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY value) AS p95,
  percentile_cont(0.99) WITHIN GROUP (ORDER BY value) AS p99
FROM atge_performance_metrics
WHERE timestamp > now() - interval '24 hours'
GROUP BY metric_type, unit
ORDER BY metric_type, unit;

COMMENT ON VIEW atge_performance_summary_24h IS 'Measurements of the last 24 hours by type and unit';
