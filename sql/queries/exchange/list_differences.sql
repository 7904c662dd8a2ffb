-- Differences from the exchange: those that nothing explains, then the newest that were explained.
SELECT
  id, exchange, kind, subject, symbol, order_id, CAST(ours AS text) AS ours, CAST(theirs AS text) AS theirs, first_seen,
  last_seen, resolved_at, resolved_by, CAST(evidence AS text) AS evidence
FROM (
  (
    SELECT * FROM reconciliation_differences WHERE resolved_at IS NULL ORDER BY first_seen DESC, id DESC LIMIT :rows
  )
  UNION ALL
  (
    SELECT * FROM reconciliation_differences WHERE resolved_at IS NOT NULL ORDER BY first_seen DESC, id DESC LIMIT :rows
  )
) AS newest
ORDER BY resolved_at IS NOT NULL, first_seen DESC, id DESC
LIMIT :rows
