-- Each channel of the last week: what it was sent last, what waits, and its trouble if it has one.
SELECT
  channel,
  max(told_at) AS told_at,
  count(*) FILTER (WHERE trouble IS NOT NULL AND closed_at IS NULL) AS failing,
  max(trouble) FILTER (WHERE closed_at IS NULL) AS trouble,
  min(next_at) FILTER (WHERE trouble IS NOT NULL AND closed_at IS NULL) AS next_at
FROM alert_threads
WHERE opened_at > now() - interval '7 days' OR closed_at IS NULL
GROUP BY channel
ORDER BY channel
