-- What a message said before an edit, if that still counts.
SELECT message
FROM signals
WHERE source = :source AND chat_id = :chat_id AND message_id = :message_id AND edit_number < :edit_number
  AND status IN ('received', 'accepted')
ORDER BY edit_number DESC
LIMIT 1
