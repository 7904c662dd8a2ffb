-- Write down today's size of each of our tables; partitions count under their table. Again: the newer figure.
INSERT INTO table_sizes (day, table_name, bytes, rows)
SELECT
  (now() AT TIME ZONE 'UTC')::date,
  coalesce(pg_partition_root(c.oid), c.oid)::regclass::text,
  sum(pg_total_relation_size(c.oid)),
  sum(greatest(c.reltuples, 0))::bigint
FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
GROUP BY 2
ON CONFLICT (day, table_name) DO UPDATE SET bytes = excluded.bytes, rows = excluded.rows
