-- Stores a message as it came, an edit or a deletion as the next number of its message. One that is there already stays.
-- The row of the message is looked for again by whoever gets none back.
INSERT INTO signals (source, chat_id, message_id, edit_number, message, sent_at, kind, status, reason)
SELECT
  :source, :chat_id, :message_id,
  coalesce(CAST(:edit_number AS integer), (
    SELECT max(edit_number) + 1 FROM signals
    WHERE source = :source AND chat_id = :chat_id AND message_id = :message_id
  ), 0),
  :message, coalesce(CAST(:sent_at AS timestamptz), now()),
  CASE WHEN :deleted THEN 'notice' END,
  CASE WHEN :deleted THEN 'rejected' ELSE 'received' END,
  CASE WHEN :deleted THEN 'the message was deleted' END
ON CONFLICT (source, chat_id, message_id, edit_number) DO NOTHING
RETURNING id, edit_number
