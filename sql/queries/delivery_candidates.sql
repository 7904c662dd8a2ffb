-- Beginnings that are due, or held: each may be held back by a silence or by another alert, or set free.
SELECT
  delivery.notice_id,
  delivery.channel,
  delivery.state,
  delivery.reason,
  notice.source,
  notice.cause,
  notice.severity,
  notice.owner,
  notice.labels,
  CASE notice.source
    WHEN 'rule' THEN EXISTS (
      SELECT
      FROM alert_states AS alert
      WHERE alert.fingerprint = notice.fingerprint AND alert.fired_at <= notice.created_at
    )
    ELSE NOT EXISTS (
      SELECT
      FROM alert_notices AS later
      WHERE later.fingerprint = notice.fingerprint
        AND later.kind = 'healed'
        AND later.created_at > notice.created_at
    )
  END AS holds
FROM alert_deliveries AS delivery
JOIN alert_notices AS notice ON notice.id = delivery.notice_id
LEFT JOIN alert_threads AS thread
  ON thread.channel = delivery.channel AND thread.subject = delivery.subject AND thread.closed_at IS NULL
WHERE delivery.settled_at IS NULL
  AND notice.kind IN ('firing', 'escalated', 'failure')
  AND (
    delivery.state = 'held'
    OR (
      delivery.due_at <= now()
      AND coalesce(thread.next_at, now()) <= now() + interval '1 minute'
      AND coalesce(thread.claimed_until, '-infinity') < now()
    )
  )
ORDER BY delivery.due_at
LIMIT :limit
