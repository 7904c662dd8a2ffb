-- A message has gone out. Its threads rest for a growing while; those in which all has ended are closed.
WITH told AS (
  UPDATE alert_deliveries
  SET state = 'sent', settled_at = now(), attempts = attempts + 1, response = :response
  WHERE message_id = :message_id AND state = 'waiting'
  RETURNING notice_id, thread_id
),
begun AS (  -- by thread: what was sent and has not ended, this message included
  SELECT delivery.thread_id
  FROM alert_deliveries AS delivery
  JOIN alert_notices AS notice ON notice.id = delivery.notice_id
  WHERE delivery.thread_id = ANY (CAST(:threads AS bigint[]))
    AND (delivery.state = 'sent' OR delivery.message_id = :message_id)
    AND notice.kind IN ('firing', 'escalated', 'failure', 'watchdog', 'acknowledged')
    AND NOT EXISTS (
      SELECT
      FROM alert_notices AS ended
      JOIN alert_deliveries AS told_end ON told_end.notice_id = ended.id
      WHERE told_end.thread_id = delivery.thread_id
        AND (told_end.state = 'sent' OR told_end.message_id = :message_id)
        AND ended.fingerprint = notice.fingerprint
        AND ended.kind IN ('resolved', 'healed')
        AND ended.created_at >= notice.created_at
    )
)
UPDATE alert_threads AS thread
SET
  messages = messages + 1,
  told_at = now(),
  next_at = greatest(next_at, now() + CASE messages  -- later: somebody has acknowledged it
    WHEN 0 THEN interval '5 minutes' WHEN 1 THEN interval '30 minutes' ELSE interval '4 hours'
  END),
  attempts = 0,
  trouble = NULL,
  claimed_until = NULL,
  reference = reference || CAST(:reference AS jsonb),
  closed_at = CASE
    WHEN subject IN ('digest', 'silences', 'announcement') OR id NOT IN (SELECT thread_id FROM begun) THEN now()
  END
WHERE id = ANY (CAST(:threads AS bigint[]))
