-- Who was notified of these alerts, by channel: how often and when last, what waits, what is held or was left out.
SELECT
  notice.fingerprint,
  delivery.channel,
  count(DISTINCT delivery.message_id) FILTER (WHERE delivery.state = 'sent') AS messages,
  count(*) FILTER (WHERE delivery.state = 'sent') AS sent,
  max(delivery.settled_at) FILTER (WHERE delivery.state = 'sent') AS told_at,
  count(*) FILTER (WHERE delivery.state = 'waiting') AS waiting,
  greatest(
    min(delivery.due_at) FILTER (WHERE delivery.state = 'waiting'),
    max(thread.next_at) FILTER (WHERE delivery.state = 'waiting')
  ) AS next_at,
  count(*) FILTER (WHERE delivery.state = 'held') AS held,
  count(*) FILTER (WHERE delivery.state = 'dropped') AS dropped,
  count(*) FILTER (WHERE delivery.state = 'failed') AS failed,
  max(delivery.reason) FILTER (WHERE delivery.state IN ('held', 'dropped', 'failed')) AS reason,
  max(thread.trouble) FILTER (WHERE delivery.state = 'waiting') AS trouble
FROM jsonb_to_recordset(CAST(:alerts AS jsonb)) AS alert (fingerprint text, since timestamptz)
JOIN alert_notices AS notice ON notice.fingerprint = alert.fingerprint AND notice.created_at >= alert.since
JOIN alert_deliveries AS delivery ON delivery.notice_id = notice.id
LEFT JOIN alert_threads AS thread
  ON thread.channel = delivery.channel AND thread.subject = delivery.subject AND thread.closed_at IS NULL
GROUP BY notice.fingerprint, delivery.channel
ORDER BY notice.fingerprint, delivery.channel
