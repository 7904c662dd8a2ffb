-- Beginnings that may go out now, also with others before they are due, and those that are held: each may be held
-- back by a silence or by another alert, or set free. What may go out comes first: it must not pass unjudged because
-- thousands are held.
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
      (delivery.due_at <= now() OR delivery.subject <> 'digest')
      AND coalesce(thread.claimed_until, '-infinity') < now()
      AND (
        coalesce(thread.next_at, now()) <= now() + interval '1 minute'
        OR EXISTS (  -- news that does not wait for the thread's interval takes the rest along
          SELECT
          FROM alert_deliveries AS other
          JOIN alert_notices AS news ON news.id = other.notice_id
          WHERE other.channel = delivery.channel
            AND other.subject = delivery.subject
            AND other.state = 'waiting'
            AND news.kind IN ('resolved', 'healed', 'escalated', 'acknowledged')
        )
      )
    )
  )
ORDER BY delivery.state = 'held', delivery.due_at
LIMIT :limit
