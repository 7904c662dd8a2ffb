-- Alerts that began to fire in a period, the worst and newest first, and when each was over; null: it was not, when the
-- report was built.
SELECT event.rule, event.severity, event.at, event.reason, ended.at AS ended_at, count(*) OVER () AS incidents
FROM alert_events AS event
LEFT JOIN LATERAL (
  SELECT min(later.at) AS at
  FROM alert_events AS later
  WHERE later.fingerprint = event.fingerprint AND later.at >= event.at AND later.id > event.id
    AND later.to_state = 'normal'
) AS ended ON true
WHERE event.at >= :begins AND event.at < :ends
  AND event.to_state = 'firing' AND event.from_state NOT IN ('acknowledged', 'recovering')
ORDER BY CASE event.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, event.at DESC, event.id
LIMIT :limit
