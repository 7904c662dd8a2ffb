-- The trades of a replay that have one outcome, behind a trade.
SELECT
  trade_signal_id, signal.symbol, item.reason, from_status, to_status, net_before, net_after, analysis_redone,
  coalesce(net_after, 0) - coalesce(net_before, 0) AS difference
FROM (
  SELECT *
  FROM replay_trades
  WHERE replay_id = :replay_id
    AND outcome = :outcome
    AND (CAST(:behind AS uuid) IS NULL OR trade_signal_id > :behind)
  ORDER BY trade_signal_id
  LIMIT :limit
) AS item
LEFT JOIN trade_signals AS signal ON signal.id = trade_signal_id
ORDER BY trade_signal_id
