-- Accepted signals of which nothing has been planned yet, with the levels of their trades, the oldest first. `fate`
-- says why nothing will be: too old, edited or deleted since, or an earlier edit of the message has its orders. One
-- whose edit is not judged yet waits.
SELECT
  signal.id,
  signal.trade_signal_id,
  signal.symbol,
  signal.direction,
  signal.order_type,
  signal.leverage,
  signal.entries,
  trade.entry_price,
  trade.stop_loss,
  ARRAY[trade.take_profit_1, trade.take_profit_2, trade.take_profit_3] AS targets,
  ARRAY[trade.allocation_1, trade.allocation_2, trade.allocation_3] AS allocations,
  CASE
    WHEN signal.created_at < now() - CAST(:age AS interval) THEN 'it is too old to be acted upon'
    WHEN EXISTS (
      SELECT FROM signals AS later
      WHERE later.source = signal.source AND later.chat_id = signal.chat_id
        AND later.message_id = signal.message_id AND later.edit_number > signal.edit_number
        AND (  -- one that asks for the same is rejected, and changes nothing
          later.kind <> 'signal'
          OR later.status <> 'rejected'
          OR (later.symbol, later.direction, later.order_type, later.entries, later.targets, later.stop_loss)
          IS DISTINCT FROM
          (signal.symbol, signal.direction, signal.order_type, signal.entries, signal.targets, signal.stop_loss)
        )
    ) THEN 'its message was edited or deleted since'
    WHEN EXISTS (
      SELECT
      FROM signals AS earlier
      JOIN orders ON orders.signal_id = earlier.id
      WHERE earlier.source = signal.source AND earlier.chat_id = signal.chat_id
        AND earlier.message_id = signal.message_id AND earlier.edit_number < signal.edit_number
    ) THEN 'an earlier version of its message has its orders already'
  END AS fate
FROM signals AS signal
JOIN trade_signals AS trade ON trade.id = signal.trade_signal_id
WHERE signal.status = 'accepted'
  AND NOT EXISTS (SELECT FROM orders WHERE orders.signal_id = signal.id)
  AND NOT EXISTS (
    SELECT FROM signals AS later
    WHERE later.source = signal.source AND later.chat_id = signal.chat_id
      AND later.message_id = signal.message_id AND later.edit_number > signal.edit_number
      AND later.status = 'received'
  )
ORDER BY signal.created_at, signal.id
LIMIT :limit
