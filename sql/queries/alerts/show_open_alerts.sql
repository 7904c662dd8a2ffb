-- What is wrong at this moment: alerts that fire, and causes of failures of the last day that have not healed. The
-- worst first. The watchdog always fires, and is no trouble. A rule that fires as critical and as warning for the same
-- labels is one thing that is wrong: the critical one stands for both.
WITH alerts AS (
  SELECT
    'rule' AS source, alert.fingerprint, alert.severity, alert.labels || jsonb_build_object('rule', rule) AS labels,
    alert.state, alert.fired_at AS since, alert.reason, alert.value, alert.threshold,
    alert.acknowledged_by, alert.acknowledged_until, 1::bigint AS counted
  FROM alert_states AS alert
  WHERE fired_at IS NOT NULL
    AND NOT EXISTS (
      SELECT
      FROM alert_states AS worse
      WHERE worse.rule = alert.rule
        AND worse.labels = alert.labels
        AND worse.fired_at IS NOT NULL
        AND array_position(ARRAY['critical', 'warning', 'info'], worse.severity)
          < array_position(ARRAY['critical', 'warning', 'info'], alert.severity)
    )
),
failures AS (
  SELECT
    'failure' AS source, fingerprint, (array_agg(severity ORDER BY created_at DESC))[1] AS severity,
    (array_agg(labels ORDER BY created_at DESC))[1] AS labels,
    'failed' AS state, min(created_at) AS since, NULL AS reason,
    NULL::double precision AS value, NULL::double precision AS threshold,
    NULL AS acknowledged_by, NULL::timestamptz AS acknowledged_until, count(*) AS counted
  FROM alert_notices AS notice
  WHERE source = 'failure'
    AND kind = 'failure'
    AND created_at > now() - interval '1 day'
    AND NOT EXISTS (
      SELECT
      FROM alert_notices AS later
      WHERE later.fingerprint = notice.fingerprint AND later.kind = 'healed' AND later.created_at > notice.created_at
    )
  GROUP BY fingerprint
)
SELECT
  wrong.*, last.title, last.owner, last.runbook_url, last.link, last.body,
  coalesce(wrong.acknowledged_by, taken.body ->> 'by') AS taken_by,
  coalesce(wrong.acknowledged_until, CAST(taken.body ->> 'until' AS timestamptz)) AS taken_until
FROM (SELECT * FROM alerts UNION ALL SELECT * FROM failures) AS wrong
LEFT JOIN LATERAL (
  SELECT *
  FROM alert_notices AS notice
  WHERE notice.fingerprint = wrong.fingerprint AND notice.kind IN ('firing', 'escalated', 'failure', 'watchdog')
  ORDER BY created_at DESC
  LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
  SELECT body
  FROM alert_notices AS notice
  WHERE wrong.source = 'failure'
    AND notice.fingerprint = wrong.fingerprint
    AND notice.kind = 'acknowledged'
    AND notice.created_at >= wrong.since
  ORDER BY created_at DESC
  LIMIT 1
) AS taken ON true
WHERE last.kind IS DISTINCT FROM 'watchdog'
ORDER BY array_position(ARRAY['critical', 'warning', 'info'], wrong.severity), since DESC
LIMIT :limit
