-- How measured operations ended: 100 for one that failed, 0 for one that went well, so that the average is the error
-- rate in percent. Calls of outside services and of the language model, signals, batches of trades, analyses. Single
-- statements of the database are steps of these, and so many that they would hide what fails.
SELECT
  timestamp AS at,
  CASE coalesce(metadata ->> 'outcome', 'ok') WHEN 'ok' THEN 0 ELSE CAST(100 AS double precision) END AS value,
  metric_type AS label_1,
  metric_name AS label_2,
  coalesce(metadata ->> 'outcome', 'ok') AS label_3
FROM atge_performance_metrics
WHERE timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
  AND metric_type <> 'database_query'
  AND unit IN ('ms', 'seconds')
UNION ALL
SELECT
  at,
  CASE outcome WHEN 'answered' THEN 0 ELSE CAST(100 AS double precision) END,
  'api_response',
  'llm.' || purpose,
  CASE outcome WHEN 'answered' THEN 'ok' ELSE outcome END
FROM llm_calls
WHERE day >= CAST((CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)) AT TIME ZONE 'UTC' AS date)
  AND at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND at <= CAST(:at AS timestamptz)
  AND outcome NOT IN ('under_way', 'budget_spent', 'unpriced')  -- not ended, never made
