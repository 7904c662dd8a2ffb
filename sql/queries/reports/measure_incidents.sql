-- Alerts that began to fire in each period, by severity; `place` numbers the periods from 1. One that goes on firing after
-- an acknowledgement or a relapse is the same one.
SELECT period.place, event.severity, count(*) AS incidents
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
JOIN alert_events AS event ON event.at >= period.begins AND event.at < period.ends
WHERE event.to_state = 'firing' AND event.from_state NOT IN ('acknowledged', 'recovering')
GROUP BY period.place, event.severity
