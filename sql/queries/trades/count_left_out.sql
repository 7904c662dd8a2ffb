-- How many trades fit the filter of a replay but are not settled, by status.
SELECT status, count(*) AS trades
FROM trade_signals
WHERE status IN ('active', 'cancelled')
  AND (CAST(:first AS timestamptz) IS NULL OR expires_at >= CAST(:first AS timestamptz))
  AND (CAST(:after AS timestamptz) IS NULL OR expires_at < CAST(:after AS timestamptz))
  AND (CAST(:symbols AS text[]) IS NULL OR symbol = ANY(CAST(:symbols AS text[])))
  AND (CAST(:users AS uuid[]) IS NULL OR user_id = ANY(CAST(:users AS uuid[])))
  AND (CAST(:trade_ids AS uuid[]) IS NULL OR id = ANY(CAST(:trade_ids AS uuid[])))
GROUP BY status
ORDER BY status
