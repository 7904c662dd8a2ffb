-- The audit trail of a trade, the newest change first, of those before a change (null: of all); docs/audit.md.
SELECT
  id, changed_at, transaction::text AS transaction, table_name, operation, cardinality(trade_ids) AS trades,
  before, after, actor_kind, actor, run_id, asked_by, role, application
FROM (
  SELECT * FROM trade_changes WHERE cardinality(trade_ids) = 1 AND trade_ids[1] = :trade
  UNION ALL
  SELECT *
  FROM trade_changes
  WHERE cardinality(trade_ids) > 1 AND shelf = trade_shelf(:trade) AND CAST(:trade AS uuid) = ANY (trade_ids)
) AS found
WHERE CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint)
ORDER BY id DESC
LIMIT :limit
