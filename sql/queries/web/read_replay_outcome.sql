-- What a replay made of its trade.
SELECT outcome, from_status, to_status, net_before, net_after, reason
FROM replay_trades
WHERE replay_id = :run_id AND trade_signal_id = :trade_signal_id
