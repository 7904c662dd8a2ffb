SELECT
  timestamp AS at,
  CAST(value AS double precision) * CASE unit WHEN 'seconds' THEN 1000 ELSE 1 END AS value,
  metric_type AS label_1,
  metric_name AS label_2,
  user_id AS label_3
FROM atge_performance_metrics
WHERE metric_type = wanted.match ->> 'metric_type'
  AND metric_name = wanted.match ->> 'metric_name'
  AND timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
  AND unit = ANY (wanted.units)
  AND value > -1e100 AND value < 1e100  -- no NaN, no Infinity
