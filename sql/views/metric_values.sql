-- The totals behind /metrics as they are now: what is folded, and what was counted since.
CREATE OR REPLACE VIEW metric_values WITH (security_invoker = true) AS
SELECT
  metric,
  labels,
  le,
  CASE WHEN bool_or(latest) THEN max(value) ELSE sum(value) END AS value
FROM (
  SELECT metric, labels, le, value, latest FROM metric_totals
  UNION ALL
  SELECT metric, labels, le, value, latest FROM metric_changes
) AS counted
GROUP BY metric, labels, le;

COMMENT ON VIEW metric_values IS
  'The totals behind /metrics: a row a series; of a histogram a row a bucket, and its sum, where le is empty';
