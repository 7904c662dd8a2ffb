-- Everything that makes up a database's schema, one text a row, the same before a dump and after its restore.
-- Extensions bring their own objects along and are left out. Runs with search_path = pg_catalog. Casts, brackets
-- and white space are taken out of expressions, and of views only the columns are looked at: PostgreSQL writes
-- some of them differently when it reads what it wrote.
WITH own_relations AS (
  SELECT c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
)
SELECT concat_ws(' ', 'column', r.name, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid)) AS object
  FROM own_relations AS r
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE r.relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT concat_ws(' ', 'constraint', r.name, k.conname, regexp_replace(
    pg_get_constraintdef(k.oid), '[()\s]|::[a-z ]+(\[\])?', '', 'g'))
  FROM own_relations AS r JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.contype <> 'n'
UNION ALL
SELECT concat_ws(' ', 'index', regexp_replace(
    pg_get_indexdef(i.indexrelid), '[()\s]|::[a-z ]+(\[\])?', '', 'g'))
  FROM own_relations AS r JOIN pg_index AS i ON i.indrelid = r.oid
UNION ALL
SELECT concat_ws(' ', 'partition', r.name, i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
  FROM own_relations AS r
  JOIN pg_inherits AS i ON i.inhrelid = r.oid
  JOIN pg_class AS c ON c.oid = r.oid
UNION ALL
SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid))
  FROM own_relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid))
  FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p')
    AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
ORDER BY 1
