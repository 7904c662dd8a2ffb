-- Our calls of outside services, in milliseconds, by service.
SELECT
  timestamp AS at,
  CASE WHEN value BETWEEN -1e100 AND 1e100 THEN CAST(value AS double precision) END AS value,
  substr(metric_name, 6) AS label_1,
  coalesce(metadata ->> 'outcome', 'ok') AS label_2,
  CAST(NULL AS text) AS label_3
FROM atge_performance_metrics
WHERE metric_type = 'api_response'
  AND metric_name LIKE 'http.%'
  AND timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
  AND unit = 'ms'
