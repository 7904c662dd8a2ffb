-- The states of a delivery are drawn in docs/alerts.md.
-- Takes the threads that have something to say now, under a lease. What is sent of one subject waits for its
-- thread's growing interval, unless it is news of another kind: an end, an escalation, an acknowledgement.
-- People get at most :flood_messages messages about failures in five minutes, whatever their causes; what is due
-- then goes into one message. So :limit counts messages, and that one takes up to :flood_threads causes beside it:
-- fewer would make several messages of a flood. The caller holds the advisory lock of this step.
WITH waiting AS (  -- in one go: a flood has thousands of threads
  SELECT
    delivery.channel,
    delivery.subject,
    bool_or(notice.kind IN ('resolved', 'healed', 'escalated', 'acknowledged')) AS urgent
  FROM alert_deliveries AS delivery
  JOIN alert_notices AS notice ON notice.id = delivery.notice_id
  WHERE delivery.state = 'waiting' AND delivery.due_at <= now()
  GROUP BY delivery.channel, delivery.subject
),
due AS (
  SELECT
    thread.*,
    starts_with(thread.subject, 'failure/') AND split_part(thread.channel, ':', 1) = ANY (CAST(:people AS text[])) AS flooding,
    waiting.urgent
  FROM alert_threads AS thread
  JOIN waiting ON waiting.channel = thread.channel AND waiting.subject = thread.subject
  WHERE thread.closed_at IS NULL AND coalesce(thread.claimed_until, '-infinity') < now()
),
ready AS (
  SELECT *, next_at <= now() OR (urgent AND attempts = 0) AS now FROM due
),
room AS MATERIALIZED (  -- by channel, asked once: may people be notified of failures now, and is any of it ready?
  SELECT ready.channel
  FROM ready
  WHERE ready.flooding AND ready.now
  GROUP BY ready.channel
  HAVING :flood_messages > (
    SELECT count(DISTINCT message_id)
    FROM alert_deliveries AS sent
    WHERE sent.channel = ready.channel
      AND sent.state = 'sent'
      AND starts_with(sent.subject, 'failure/')
      AND sent.settled_at > now() - interval '5 minutes'
  ) + (
    SELECT count(*)
    FROM alert_threads AS busy
    WHERE busy.channel = ready.channel
      AND starts_with(busy.subject, 'failure/')
      AND busy.claimed_until > now()
  )
),
chosen AS (
  (SELECT id, flooding FROM ready WHERE NOT flooding AND ready.now ORDER BY next_at LIMIT :limit)
  UNION ALL
  (
    SELECT id, flooding
    FROM ready
    WHERE flooding
      AND (ready.now OR (next_at <= now() + interval '1 minute' AND attempts = 0))
      AND channel IN (SELECT channel FROM room)
    ORDER BY next_at
    LIMIT :flood_threads
  )
)
UPDATE alert_threads AS thread
SET claimed_until = now() + CAST(:lease AS interval)
FROM chosen
WHERE thread.id = chosen.id
RETURNING thread.id, thread.channel, thread.subject, thread.opened_at, thread.messages, thread.reference,
  thread.attempts, chosen.flooding
