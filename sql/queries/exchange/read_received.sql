-- The oldest messages that were not judged yet; another run that judges skips them. `executed`: an order of an earlier
-- wording was submitted.
SELECT
  message.id, message.source, message.chat_id, message.message_id, message.message, message.sent_at,
  now() - message.sent_at AS age,
  EXISTS (
    SELECT FROM signals AS earlier
    WHERE earlier.source = message.source AND earlier.chat_id = message.chat_id
      AND earlier.message_id = message.message_id AND earlier.status = 'executed'
  ) AS executed
FROM signals AS message
WHERE message.status = 'received'
ORDER BY message.created_at, message.id
LIMIT :most
FOR UPDATE OF message SKIP LOCKED
