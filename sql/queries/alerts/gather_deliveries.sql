-- Puts everything that waits for these threads into their message, also what is not due yet.
UPDATE alert_deliveries AS delivery
SET message_id = claimed.message_id, thread_id = claimed.thread_id
FROM jsonb_to_recordset(CAST(:claimed AS jsonb)) AS claimed (
  thread_id bigint, message_id uuid, channel text, subject text
)
WHERE delivery.state = 'waiting' AND delivery.channel = claimed.channel AND delivery.subject = claimed.subject
