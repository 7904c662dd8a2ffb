-- Somebody takes care of an alert that fires: no escalation until then. Notifies those who were notified that it fires.
-- Answers with the state that the alert had; no row when there is no such alert, or it does not fire.
WITH before AS (
  SELECT * FROM alert_states WHERE fingerprint = :fingerprint AND fired_at IS NOT NULL FOR UPDATE
),
changed AS (
  UPDATE alert_states AS alert
  SET
    acknowledged_by = :by,
    acknowledged_at = now(),
    acknowledged_until = now() + CAST(:lasts AS interval),
    state = CASE before.state WHEN 'firing' THEN 'acknowledged' ELSE before.state END,
    since = CASE before.state WHEN 'firing' THEN now() ELSE before.since END
  FROM before
  WHERE alert.fingerprint = before.fingerprint
),
history AS (
  INSERT INTO alert_events (at, rule, severity, labels, fingerprint, from_state, to_state, value, reason)
  SELECT now(), rule, severity, labels, fingerprint, state, 'acknowledged', value, 'by ' || :by
  FROM before
  WHERE state = 'firing'
),
told AS (
  INSERT INTO alert_notices (
    notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner, runbook_url, channels, level
  )
  SELECT
    concat_ws(' ', before.fingerprint, before.fired_at, 'acknowledged', now(), last.level),
    'rule', 'acknowledged', before.fingerprint, last.cause, before.severity, last.title,
    jsonb_build_object('by', CAST(:by AS text), 'until', now() + CAST(:lasts AS interval)),
    before.labels, last.owner, last.runbook_url, last.channels, last.level
  FROM before
  CROSS JOIN LATERAL (  -- each set of channels once
    SELECT DISTINCT ON (channels) *
    FROM alert_notices AS notice
    WHERE notice.fingerprint = before.fingerprint
      AND notice.kind IN ('firing', 'escalated')
      AND notice.created_at >= before.fired_at
    ORDER BY channels, level
  ) AS last
)
SELECT state FROM before
