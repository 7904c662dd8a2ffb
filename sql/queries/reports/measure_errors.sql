-- Errors of each period by type and severity; `place` numbers the periods from 1 in the order of :begins.
SELECT period.place, error.error_type, error.severity, count(*) AS errors
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
JOIN atge_error_logs AS error ON error.timestamp >= period.begins AND error.timestamp < period.ends
GROUP BY period.place, error.error_type, error.severity
