-- Somebody takes care of a cause of failures: its threads rest until then, and whoever was notified hears of it.
WITH open AS (
  SELECT *
  FROM alert_notices AS notice
  WHERE fingerprint = :fingerprint
    AND kind = 'failure'
    AND created_at > now() - interval '1 day'
    AND NOT EXISTS (
      SELECT
      FROM alert_notices AS later
      WHERE later.fingerprint = notice.fingerprint AND later.kind = 'healed' AND later.created_at > notice.created_at
    )
  ORDER BY created_at DESC
  LIMIT 1
),
resting AS (
  UPDATE alert_threads AS thread
  SET next_at = greatest(next_at, now() + CAST(:lasts AS interval))
  FROM open
  WHERE thread.subject = open.fingerprint AND closed_at IS NULL
)
INSERT INTO alert_notices (
  notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner, link
)
SELECT
  concat_ws(' ', 'acknowledged', fingerprint, now()), 'failure', 'acknowledged', fingerprint, cause, severity, title,
  jsonb_build_object('by', CAST(:by AS text), 'until', now() + CAST(:lasts AS interval)), labels, owner, link
FROM open
RETURNING id
