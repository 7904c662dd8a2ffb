-- Indexes of our tables: how often they were used since the statistics began, and which repeat another one.
-- Those of partitions count under the partitioned table's index.
WITH indexes AS (
  SELECT
    i.indexrelid,
    i.indrelid,
    coalesce((SELECT pg_partition_root(i.indexrelid)), i.indexrelid) AS root,
    i.indisunique OR i.indisprimary OR EXISTS (
      SELECT FROM pg_constraint WHERE conindid = i.indexrelid
    ) AS needed,
    i.indisvalid AS valid,
    format('%s %s %s %s %s', i.indrelid, i.indkey, i.indclass, i.indoption, coalesce(
      pg_get_expr(i.indexprs, i.indrelid), '') || coalesce(pg_get_expr(i.indpred, i.indrelid), '')) AS shape
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  WHERE c.relnamespace = current_schema()::regnamespace
),
-- Of those alike the one that a constraint needs stays, or the oldest.
alike AS (
  SELECT indexrelid, first_value(indexrelid) OVER (PARTITION BY shape ORDER BY needed DESC, indexrelid) AS first
  FROM indexes
  WHERE indexrelid = root
)
SELECT
  i.root::regclass::text AS name,
  (SELECT indrelid FROM pg_index WHERE indexrelid = i.root)::regclass::text AS table_name,
  sum(pg_relation_size(i.indexrelid))::bigint AS bytes,
  coalesce(sum(s.idx_scan), 0)::bigint AS scans,
  bool_or(i.needed) AS needed,
  bool_and(i.valid) AS valid,
  (SELECT first::regclass::text FROM alike WHERE indexrelid = i.root AND first <> i.root) AS same_as
FROM indexes AS i
LEFT JOIN pg_stat_user_indexes AS s USING (indexrelid)
GROUP BY i.root
ORDER BY 3 DESC, 1
