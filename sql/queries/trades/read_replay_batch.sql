-- The trades of a batch that are still to do, as the engine wants them, with the versions of their rows: what
-- changes between reading and writing is left alone and read again.
SELECT
  trade.*,
  NULL AS reason,
  signal.updated_at AS signal_version,
  result.updated_at AS result_version
FROM replay_trades AS item
JOIN trade_signals AS signal ON signal.id = item.trade_signal_id
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
CROSS JOIN LATERAL engine_trade(signal) AS trade
WHERE item.replay_id = :replay_id AND item.batch = :batch
  AND (item.outcome IS NULL OR :everything)
  AND signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
ORDER BY signal.symbol, signal.generated_at, signal.id
