-- The row of a message that is stored already.
SELECT id, edit_number, message, status, reason
FROM signals
WHERE source = :source AND chat_id = :chat_id AND message_id = :message_id AND edit_number = :edit_number
