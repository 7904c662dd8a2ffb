-- Answers of the API in each period that shut somebody out, by what is measured of every answer; in the order of :begins.
SELECT count(metric.id) AS refused
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
LEFT JOIN atge_performance_metrics AS metric
  ON metric.timestamp >= period.begins AND metric.timestamp < period.ends
  AND metric.metric_type = 'api_response' AND metric.metric_name = 'api.refused'
GROUP BY period.place
ORDER BY period.place
