-- Trades that a run of a DAG changed, as they are now, the last changed first. The run's own times bound what is
-- looked at in the trail.
WITH changed AS (
  SELECT trade_id, max(id) AS change
  FROM trade_changes CROSS JOIN unnest(trade_ids) AS trade_id
  WHERE run_id = :run_id
    AND changed_at >= CAST(:began AS timestamptz)
    AND changed_at <= coalesce(CAST(:ended AS timestamptz), now())
  GROUP BY trade_id
  ORDER BY change DESC
  LIMIT :limit
)
SELECT changed.trade_id AS id, signal.symbol, signal.direction, signal.timeframe, signal.status,
  result.net_profit_loss
FROM changed
LEFT JOIN trade_signals AS signal ON signal.id = changed.trade_id
LEFT JOIN trade_results AS result ON result.trade_signal_id = changed.trade_id
ORDER BY changed.change DESC
