-- Live beside back-test, of the trades for which orders were written in the days before: the newest orders' first.
WITH tried AS MATERIALIZED (
  SELECT trade_signal_id, max(created_at) AS at
  FROM orders
  WHERE trade_signal_id IS NOT NULL AND created_at > now() - CAST(:days AS interval)
  GROUP BY trade_signal_id
  ORDER BY at DESC
  LIMIT :trades
)
SELECT live_against_backtest.*
FROM live_against_backtest
WHERE trade_signal_id = ANY (ARRAY(SELECT trade_signal_id FROM tried))
ORDER BY completed_at DESC, trade_signal_id
