-- The states of a delivery are drawn in docs/alerts.md.
-- Gives each new notice a delivery in every channel that is to carry it, with its subject and when it is due.
-- Machines are notified at once. People are notified of what is critical at once, of warnings after a while in which more
-- of the same are gathered, and of the rest in a daily digest. What only watches others gives way to a failure of the
-- same cause that is as bad and went to the same people within the hour.
WITH routes AS (
  SELECT *
  FROM jsonb_to_recordset(CAST(:routes AS jsonb)) AS route (
    channel text, kind text, severities text[], people boolean, incidents boolean
  )
),
fresh AS (
  SELECT *
  FROM alert_notices AS notice
  WHERE handled_at IS NULL AND NOT EXISTS (SELECT FROM alert_deliveries WHERE notice_id = notice.id)
  ORDER BY created_at
  LIMIT :limit
),
wanted AS (
  SELECT fresh.*, route.channel, route.people, route.incidents, true AS known, CASE WHEN fresh.body ? 'gives_way' THEN (
      SELECT title
      FROM alert_notices AS suffers
      WHERE suffers.cause = fresh.cause AND suffers.kind = fresh.kind AND suffers.severity = fresh.severity
        AND NOT suffers.body ? 'gives_way'
        AND suffers.created_at BETWEEN fresh.created_at - interval '1 hour' AND fresh.created_at + interval '1 hour'
      ORDER BY created_at
      LIMIT 1
    ) END AS suffers
  FROM fresh
  JOIN routes AS route ON fresh.channels IS NULL AND fresh.severity = ANY (route.severities)
  UNION ALL
  SELECT fresh.*, named.channel, route.people, route.incidents, route.severities IS NOT NULL, NULL
  FROM fresh
  CROSS JOIN LATERAL (  -- `slack` is every channel in Slack that takes this severity, unless it is one itself
    SELECT DISTINCT coalesce(place.channel, asked) AS channel
    FROM unnest(fresh.channels) AS asked
    LEFT JOIN routes AS place
      ON place.kind = asked AND fresh.severity = ANY (place.severities)
      AND NOT EXISTS (SELECT FROM routes AS own WHERE own.channel = asked AND own.severities IS NOT NULL)
  ) AS named
  LEFT JOIN routes AS route ON route.channel = named.channel
),
unwanted AS (  -- nobody wants to know
  UPDATE alert_notices AS notice
  SET handled_at = now()
  FROM fresh
  WHERE notice.id = fresh.id AND fresh.id NOT IN (SELECT id FROM wanted)
)
INSERT INTO alert_deliveries (notice_id, channel, subject, due_at, state, reason, response, settled_at)
SELECT
  id,
  channel,
  CASE
    WHEN incidents THEN fingerprint  -- an incident ends on its own, whatever else is wrong
    WHEN kind IN ('silences', 'announcement') THEN kind
    WHEN people AND severity = 'info' THEN 'digest'
    ELSE cause
  END,
  CASE
    WHEN kind IN ('silences', 'announcement') OR NOT people THEN created_at
    WHEN severity = 'info' THEN (
      SELECT CASE WHEN today > created_at THEN today ELSE today + interval '1 day' END
      FROM (SELECT date_trunc('day', created_at) + make_interval(hours => :digest_hour) AS today) AS day
    )
    WHEN severity = 'warning' AND kind IN ('firing', 'failure') THEN created_at + CAST(:warning_wait AS interval)
    ELSE created_at
  END,
  CASE
    WHEN NOT known THEN 'dropped'
    WHEN sent_already THEN 'sent'
    WHEN suffers IS NOT NULL THEN 'dropped'
    ELSE 'waiting'
  END,
  CASE
    WHEN NOT known THEN 'the setting alert_channels does not name this channel'
    WHEN sent_already THEN NULL
    ELSE 'reported by the work that suffers: ' || suffers
  END,
  CASE WHEN sent_already THEN 'sent at once, while the database was away' END,
  CASE WHEN NOT known OR sent_already OR suffers IS NOT NULL THEN now() END
FROM wanted
CROSS JOIN LATERAL (SELECT body ->> 'told' = split_part(channel, ':', 1) AS sent_already) AS told
ON CONFLICT (notice_id, channel) DO NOTHING
