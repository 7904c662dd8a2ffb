-- The partitions of which a part is divided by hash. The hash of some types (enums) is another one in another
-- database, so that a restore puts a row into another partition: such rows are compared over the whole table, with
-- the columns in the order of its root.
WITH RECURSIVE tree AS (
  SELECT c.oid AS root, c.oid, p.partstrat = 'h' AS hashed
  FROM pg_partitioned_table AS p
  JOIN pg_class AS c ON c.oid = p.partrelid AND NOT c.relispartition
  UNION ALL
  SELECT tree.root, i.inhrelid, tree.hashed OR coalesce(p.partstrat = 'h', false)
  FROM tree
  JOIN pg_inherits AS i ON i.inhparent = tree.oid
  LEFT JOIN pg_partitioned_table AS p ON p.partrelid = i.inhrelid
)
SELECT
  format('%I.%I', n.nspname, c.relname) AS name,
  format('%I.%I', above.nspname, r.relname) AS root,
  (SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attnum)
   FROM pg_attribute WHERE attrelid = r.oid AND attnum > 0 AND NOT attisdropped) AS columns
FROM tree
JOIN pg_class AS c ON c.oid = tree.oid AND c.relkind = 'r'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS r ON r.oid = tree.root
JOIN pg_namespace AS above ON above.oid = r.relnamespace
WHERE tree.hashed
ORDER BY 1
