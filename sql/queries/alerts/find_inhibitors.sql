-- What is wrong at this moment and may hold back the telling of other things: alerts that fire, and causes of
-- failures in the last ten minutes.
SELECT
  rule AS cause,
  'rule' AS source,
  severity,
  labels,
  concat_ws(' ', rule, (
    SELECT '(' || string_agg(label.key || '=' || label.value, ', ' ORDER BY label.key) || ')'
    FROM jsonb_each_text(labels) AS label
  )) AS summary
FROM alert_states
WHERE fired_at IS NOT NULL
UNION ALL
SELECT DISTINCT ON (cause) cause, source, severity, labels, cause
FROM alert_notices AS notice
WHERE source = 'failure'
  AND kind = 'failure'
  AND created_at > now() - interval '10 minutes'
  AND NOT EXISTS (
    SELECT
    FROM alert_notices AS later
    WHERE later.fingerprint = notice.fingerprint AND later.kind = 'healed' AND later.created_at > notice.created_at
  )
UNION ALL
-- A freeze, and half an hour after it: what waited is taken then.
SELECT
  'freeze', 'freeze', 'info', jsonb_build_object('frozen', frozen),
  CASE
    WHEN coalesce(ended_at, ends_at) > now() THEN
      format('frozen by %s until %s UTC: %s', author, to_char(ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), reason)
    ELSE format(
      'frozen by %s until %s UTC, what waited is taken now: %s',
      author, to_char(coalesce(ended_at, ends_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), reason
    )
  END
FROM freezes
CROSS JOIN unnest(groups) AS frozen
WHERE begins_at <= now() AND coalesce(ended_at, ends_at) > now() - interval '30 minutes'
