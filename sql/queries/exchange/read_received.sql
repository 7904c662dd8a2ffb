-- The oldest messages that were not judged yet; another run that judges skips them. An edit is as old as what was first
-- written, and waits until that is judged. `executed`: an order of an earlier wording was submitted; `stands`: an
-- earlier wording is accepted; `outrun`: a later one is.
SELECT
  message.id, message.source, message.chat_id, message.message_id, message.message, message.sent_at,
  now() - least(message.sent_at, wordings.sent_at) AS age, wordings.executed, wordings.stands, wordings.outrun
FROM signals AS message
CROSS JOIN LATERAL (
  SELECT
    min(sent_at) FILTER (WHERE earlier) AS sent_at,
    coalesce(bool_or(earlier AND status = 'executed'), false) AS executed,
    coalesce(bool_or(earlier AND status = 'accepted'), false) AS stands,
    coalesce(bool_or(earlier AND status = 'received'), false) AS waits,
    coalesce(bool_or(NOT earlier AND status IN ('accepted', 'executed')), false) AS outrun
  FROM (
    SELECT sent_at, status, edit_number < message.edit_number AS earlier
    FROM signals
    WHERE source = message.source AND chat_id = message.chat_id AND message_id = message.message_id
  ) AS wording
) AS wordings
WHERE message.status = 'received' AND NOT wordings.waits
ORDER BY message.created_at, message.id
LIMIT :most
FOR UPDATE OF message SKIP LOCKED
