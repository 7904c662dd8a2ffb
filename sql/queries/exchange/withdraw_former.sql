-- Takes back what a message said before it was edited or deleted, as long as no order of it was submitted: orders that
-- still wait, and unless the trade is kept, the trade that came of it, as long as it has no result. Who is just handing
-- an order over holds its row, and then it does not wait any more.
WITH wording AS (
  SELECT id, status
  FROM signals
  WHERE source = :source AND chat_id = :chat_id AND message_id = :message_id AND edit_number < :edit_number
), former AS (
  UPDATE signals
  SET
    status = 'rejected',
    kind = coalesce(kind, 'notice'),
    reason = CASE WHEN :deleted THEN 'the message was deleted' ELSE 'the message was edited' END
  WHERE id IN (SELECT id FROM wording) AND status IN ('received', 'accepted') AND NOT :keep_trade
  RETURNING trade_signal_id
), waiting AS (
  UPDATE orders
  SET
    status = 'cancelled', status_reason = 'the message from outside was edited or deleted', closed_at = now(),
    updated_at = now()
  WHERE status = 'planned' AND signal_id IN (SELECT id FROM wording WHERE status IN ('received', 'accepted'))
)
UPDATE trade_signals
SET status = 'cancelled', status_reason = 'the message from outside was edited or deleted', updated_at = now()
WHERE id IN (SELECT trade_signal_id FROM former) AND status = 'active'
