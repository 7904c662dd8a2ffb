-- Does the chain of alerts work? One row, for a dead man's switch outside: look at it from where this database is
-- not. `alive` is false when nothing was evaluated for five minutes.
CREATE OR REPLACE VIEW alert_chain_health WITH (security_invoker = true) AS
SELECT
  coalesce(last.at > now() - interval '5 minutes', false) AS alive,
  last.at AS evaluated_at,
  last.seconds,
  last.rules,
  last.failed,
  watchdog.created_at AS watchdog_told_at,
  watchdog.handled_at AS watchdog_delivered_at,
  waiting.notices AS notices_waiting,
  waiting.oldest AS oldest_waiting
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (SELECT * FROM alert_evaluations ORDER BY at DESC LIMIT 1) AS last ON true
LEFT JOIN LATERAL (
  SELECT created_at, handled_at
  FROM alert_notices
  WHERE kind = 'watchdog' AND created_at > now() - interval '1 day'
  ORDER BY created_at DESC
  LIMIT 1
) AS watchdog ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS notices, min(created_at) AS oldest FROM alert_notices WHERE handled_at IS NULL
) AS waiting ON true;

COMMENT ON VIEW alert_chain_health IS 'Whether rules are evaluated and the watchdog''s notices are delivered';
