-- Errors by day (UTC) and severity; a day without any has no row.
SELECT (timestamp AT TIME ZONE 'UTC')::date AS day, severity, count(*) AS errors
FROM atge_error_logs
WHERE timestamp >= :begins AND timestamp < :ends
GROUP BY day, severity
ORDER BY day, severity
