-- The settled trades that a run of analyse_trades shall look at: by id, or by the time of their settlement, and by
-- symbol and user. The newest first.
SELECT signal.id::text AS id, result.ai_analysis IS NOT NULL AS analysed
FROM trade_signals AS signal
JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE signal.status IN ('completed_success', 'completed_failure')
  AND (CAST(:trade_ids AS uuid[]) IS NULL OR signal.id = ANY(CAST(:trade_ids AS uuid[])))
  AND (CAST(:first AS timestamptz) IS NULL OR signal.completed_at >= :first)
  AND (CAST(:after AS timestamptz) IS NULL OR signal.completed_at < :after)
  AND (CAST(:symbols AS text[]) IS NULL OR signal.symbol = ANY(CAST(:symbols AS text[])))
  AND (CAST(:users AS uuid[]) IS NULL OR signal.user_id = ANY(CAST(:users AS uuid[])))
  AND (:redo OR result.ai_analysis IS NULL)
ORDER BY signal.completed_at DESC, signal.id
LIMIT :limit
