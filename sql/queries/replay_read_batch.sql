-- The trades of a batch that are still to do, as the engine wants them, with the versions of their rows: what
-- changes between reading and writing is left alone and read again.
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  signal.entry_price::float8 AS entry_price,
  signal.stop_loss::float8 AS stop_loss,
  signal.take_profit_1::float8 AS take_profit_1,
  signal.take_profit_2::float8 AS take_profit_2,
  signal.take_profit_3::float8 AS take_profit_3,
  signal.allocation_1::float8 AS allocation_1,
  signal.allocation_2::float8 AS allocation_2,
  signal.allocation_3::float8 AS allocation_3,
  signal.generated_at,
  signal.expires_at,
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
