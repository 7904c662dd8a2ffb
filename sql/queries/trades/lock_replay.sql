-- Locks the trades of a batch that are still to do, with their results, so that trades/write_replayed compares what
-- will be there when it writes. The order is that of every statement that locks trades: signals by id, then results.
WITH mine AS MATERIALIZED (
  SELECT signal.id
  FROM replay_trades AS item
  JOIN trade_signals AS signal ON signal.id = item.trade_signal_id
  WHERE item.replay_id = :replay_id AND item.batch = :batch AND item.outcome IS NULL
  ORDER BY signal.id
  FOR UPDATE OF item, signal
)
SELECT result.id
FROM trade_results AS result
WHERE result.trade_signal_id = ANY(ARRAY(SELECT id FROM mine))
ORDER BY result.trade_signal_id
FOR UPDATE
