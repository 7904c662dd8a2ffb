-- Measurements of one name, in milliseconds or as counts.
SELECT
  timestamp AS at,
  -- NaN and what is too large for a measurement is no value. (In WHERE it would call for the index on value.)
  CASE WHEN value BETWEEN -1e100 AND 1e100 THEN CAST(value AS double precision) END
    * CASE unit WHEN 'seconds' THEN 1000 ELSE 1 END AS value,
  metric_type AS label_1,
  metric_name AS label_2,
  user_id AS label_3
FROM atge_performance_metrics
WHERE metric_type = wanted.match ->> 'metric_type'
  AND metric_name = wanted.match ->> 'metric_name'
  AND timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
  AND unit = ANY (wanted.units)
