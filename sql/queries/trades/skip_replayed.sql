-- Marks the trades of a batch that are settled no more since they were chosen: deleted, cancelled, active again.
-- With :reason, all that are still to do.
UPDATE replay_trades AS item
SET outcome = 'skipped',
  reason = coalesce(
    :reason,
    'it is ' || (SELECT status FROM trade_signals WHERE id = item.trade_signal_id) || ' now',
    'it is deleted'
  )
WHERE item.replay_id = :replay_id
  AND item.batch = :batch
  AND item.outcome IS NULL
  AND (
    CAST(:reason AS text) IS NOT NULL
    OR NOT EXISTS (
      SELECT FROM trade_signals
      WHERE id = item.trade_signal_id
        AND status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    )
  )
