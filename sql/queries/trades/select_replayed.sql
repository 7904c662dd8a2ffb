-- Writes down the settled trades that fit the filter, in batches that keep the trades of a symbol together. Their
-- window is chosen by the day on which their time was up. Replays touch settled trades only: never one that is
-- active, which the sweep settles, or cancelled.
INSERT INTO replay_trades (replay_id, batch, trade_signal_id)
SELECT
  :replay_id,
  ((row_number() OVER (ORDER BY symbol, generated_at, id) - 1) / :batch_size)::int,
  id
FROM trade_signals
WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
  AND (CAST(:first AS timestamptz) IS NULL OR expires_at >= CAST(:first AS timestamptz))
  AND (CAST(:after AS timestamptz) IS NULL OR expires_at < CAST(:after AS timestamptz))
  AND (CAST(:symbols AS text[]) IS NULL OR symbol = ANY(CAST(:symbols AS text[])))
  AND (CAST(:users AS uuid[]) IS NULL OR user_id = ANY(CAST(:users AS uuid[])))
  AND (CAST(:trade_ids AS uuid[]) IS NULL OR id = ANY(CAST(:trade_ids AS uuid[])))
