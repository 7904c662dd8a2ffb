-- The trades of a batch that are still to do, as the engine wants them, with the versions of their rows: what
-- changes between reading and writing is left alone and read again.
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  engine_number(signal.entry_price) AS entry_price,
  engine_number(signal.stop_loss) AS stop_loss,
  engine_number(signal.take_profit_1) AS take_profit_1,
  engine_number(signal.take_profit_2) AS take_profit_2,
  engine_number(signal.take_profit_3) AS take_profit_3,
  engine_number(signal.allocation_1) AS allocation_1,
  engine_number(signal.allocation_2) AS allocation_2,
  engine_number(signal.allocation_3) AS allocation_3,
  engine_time(signal.generated_at) AS generated_at,
  engine_time(signal.expires_at) AS expires_at,
  NULL AS reason,
  signal.updated_at AS signal_version,
  result.updated_at AS result_version
FROM replay_trades AS item
JOIN trade_signals AS signal ON signal.id = item.trade_signal_id
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE item.replay_id = :replay_id AND item.batch = :batch
  AND (item.outcome IS NULL OR :everything)
  AND signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
ORDER BY signal.symbol, signal.generated_at, signal.id
