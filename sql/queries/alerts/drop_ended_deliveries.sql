-- What ended before anybody was notified of it is not sent: neither that it began nor that it ended. An end or an
-- acknowledgement goes where the beginning went. What is being sent at this moment counts as sent.
WITH after AS (
  SELECT delivery.notice_id, delivery.channel, notice.fingerprint, notice.created_at, notice.kind
  FROM alert_deliveries AS delivery
  JOIN alert_notices AS notice ON notice.id = delivery.notice_id
  WHERE delivery.settled_at IS NULL AND notice.kind IN ('resolved', 'healed', 'acknowledged')
),
untold AS (
  SELECT *
  FROM after
  WHERE NOT EXISTS (
    SELECT
    FROM alert_notices AS begun
    JOIN alert_deliveries AS told ON told.notice_id = begun.id AND told.channel = after.channel
    LEFT JOIN alert_threads AS thread ON thread.id = told.thread_id
    WHERE begun.fingerprint = after.fingerprint
      AND begun.kind IN ('firing', 'escalated', 'failure', 'watchdog')
      AND begun.created_at <= after.created_at
      AND (told.state = 'sent' OR (told.settled_at IS NULL AND thread.claimed_until > now()))
      AND NOT EXISTS (
        SELECT
        FROM alert_notices AS earlier
        WHERE earlier.fingerprint = after.fingerprint
          AND earlier.kind IN ('resolved', 'healed')
          AND earlier.created_at > begun.created_at
          AND earlier.created_at < after.created_at
      )
  )
),
moot AS (
  SELECT notice_id, channel FROM untold
  UNION
  SELECT delivery.notice_id, delivery.channel
  FROM untold
  JOIN alert_notices AS begun ON begun.fingerprint = untold.fingerprint AND begun.created_at <= untold.created_at
  JOIN alert_deliveries AS delivery ON delivery.notice_id = begun.id AND delivery.channel = untold.channel
  WHERE untold.kind <> 'acknowledged' AND delivery.settled_at IS NULL
)
UPDATE alert_deliveries AS delivery
SET state = 'dropped', reason = 'it ended before anybody was notified of it here', settled_at = now()
FROM moot
WHERE delivery.notice_id = moot.notice_id AND delivery.channel = moot.channel
