-- The errors of a period that came most often, by type and the beginning of their message.
SELECT
  error_type, left(error_message, 160) AS message, count(*) AS errors, max(timestamp) AS last_at,
  count(*) OVER () AS messages
FROM atge_error_logs
WHERE timestamp >= :begins AND timestamp < :ends
GROUP BY error_type, left(error_message, 160)
ORDER BY errors DESC, last_at DESC, message
LIMIT :limit
