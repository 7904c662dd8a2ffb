-- How long operations took in each period, in milliseconds by type; `place` numbers the periods from 1.
SELECT
  period.place,
  metric.metric_type,
  count(*) AS operations,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE metric.unit WHEN 'seconds' THEN value * 1000 ELSE value END) AS p50,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY CASE metric.unit WHEN 'seconds' THEN value * 1000 ELSE value END) AS p95
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
JOIN atge_performance_metrics AS metric ON metric.timestamp >= period.begins AND metric.timestamp < period.ends
WHERE metric.unit IN ('ms', 'seconds') AND metric.value BETWEEN -1e300 AND 1e300  -- a double
GROUP BY period.place, metric.metric_type
