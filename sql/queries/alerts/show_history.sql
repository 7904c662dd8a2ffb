-- The notices of the last days, the newest first, and what became of it in each channel.
SELECT
  notice.created_at,
  notice.kind,
  notice.severity,
  notice.title,
  notice.fingerprint,
  notice.link,
  coalesce(
    (
      SELECT string_agg(
        channel || ' ' || state || coalesce(' (' || left(reason, 200) || ')', ''), ', ' ORDER BY channel
      )
      FROM alert_deliveries
      WHERE notice_id = notice.id
    ),
    CASE WHEN notice.handled_at IS NULL THEN 'not looked at yet' ELSE 'nobody: no channel wants it' END
  ) AS told
FROM (
  SELECT *, count(*) OVER (PARTITION BY fingerprint, kind) AS alike,
    row_number() OVER (PARTITION BY fingerprint, kind ORDER BY created_at DESC) AS number
  FROM (
    SELECT * FROM alert_notices WHERE created_at > now() - interval '7 days' ORDER BY created_at DESC LIMIT 2000
  ) AS latest
) AS notice
WHERE number <= 3  -- of a flood the last few
ORDER BY notice.created_at DESC
LIMIT :limit
