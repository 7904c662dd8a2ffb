-- Results of a trade that replays replaced, the newest first.
SELECT
  replaced_at, replaced_by, reason, replay_id, run_url, status, status_reason, net_profit_loss,
  result ->> 'data_source' AS data_source
FROM trade_result_history
WHERE trade_signal_id = :trade
ORDER BY replaced_at DESC, id
LIMIT :most
