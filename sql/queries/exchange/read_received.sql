-- The oldest messages that were not judged yet; another run that judges skips them. An edit is as old as what was first
-- written, and waits until that is judged. `executed`: an order of an earlier wording was submitted; `stands`: an earlier wording is accepted.
SELECT
  message.id, message.source, message.chat_id, message.message_id, message.message, message.sent_at,
  now() - least(message.sent_at, earlier.sent_at) AS age, earlier.executed, earlier.stands
FROM signals AS message
CROSS JOIN LATERAL (
  SELECT
    min(sent_at) AS sent_at,
    coalesce(bool_or(status = 'executed'), false) AS executed,
    coalesce(bool_or(status = 'accepted'), false) AS stands,
    coalesce(bool_or(status = 'received'), false) AS waits
  FROM signals
  WHERE source = message.source AND chat_id = message.chat_id AND message_id = message.message_id
    AND edit_number < message.edit_number
) AS earlier
WHERE message.status = 'received' AND NOT earlier.waits
ORDER BY message.created_at, message.id
LIMIT :most
FOR UPDATE OF message SKIP LOCKED
