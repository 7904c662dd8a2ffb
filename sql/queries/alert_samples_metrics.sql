SELECT
  timestamp AS at,
  CAST(value AS double precision) * CASE unit WHEN 'seconds' THEN 1000 ELSE 1 END AS value,
  metric_type AS label_1,
  metric_name AS label_2,
  CAST(user_id AS text) AS label_3
FROM atge_performance_metrics
WHERE metric_type = wanted.match ->> 'metric_type'
  AND timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
  AND (unit = 'count') = (wanted.match ->> 'unit' = 'count')
  AND abs(value) < 1e100  -- no NaN, no Infinity
