-- The trades of a replay whose money differs most.
SELECT
  trade_signal_id::text AS id,
  signal.symbol,
  from_status, to_status,
  net_before, net_after,
  coalesce(net_after, 0) - coalesce(net_before, 0) AS difference
FROM replay_trades AS item
LEFT JOIN trade_signals AS signal ON signal.id = item.trade_signal_id
WHERE replay_id = :replay_id AND outcome = 'changed'
ORDER BY abs(coalesce(net_after, 0) - coalesce(net_before, 0)) DESC, trade_signal_id
LIMIT :limit
