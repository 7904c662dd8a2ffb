-- What became of the attempts of a run.
SELECT
  attempt.batch, attempt.user_id::text AS user_id, attempt.symbol, attempt.timeframe,
  attempt.outcome, attempt.reason, attempt.trade_signal_id::text AS trade_signal_id,
  format('%s at %s, stop %s, targets %s, %s, %s; risk/reward %s; until %s UTC',
    signal.direction, signal.entry_price, signal.stop_loss, signal.take_profit_1, signal.take_profit_2,
    signal.take_profit_3, signal.risk_reward_ratio, to_char(signal.expires_at, 'YYYY-MM-DD HH24:MI')) AS description
FROM signal_attempts AS attempt
LEFT JOIN trade_signals AS signal ON signal.id = attempt.trade_signal_id
WHERE attempt.run_id = :run_id
ORDER BY attempt.symbol, attempt.timeframe, attempt.user_id
