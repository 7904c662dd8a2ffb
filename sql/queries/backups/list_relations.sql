-- The tables and sequences whose content pg_dump takes, and what would keep this role from seeing it whole.
SELECT
  format('%I.%I', namespace.nspname, relation.relname) AS name,
  relation.relkind = 'S' AS is_sequence,
  has_schema_privilege(namespace.oid, 'USAGE')
    AND CASE relation.relkind
      WHEN 'S' THEN has_sequence_privilege(relation.oid, 'SELECT')
      ELSE has_table_privilege(relation.oid, 'SELECT')
    END AS readable,
  relation.relkind <> 'S' AND row_security_active(relation.oid) AS filtered
FROM pg_class AS relation
JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE relation.relkind IN ('r', 'S')
  AND relation.relpersistence <> 't'
  AND namespace.nspname <> 'information_schema'
  AND namespace.nspname !~ '^pg_'
  -- An extension brings its own tables and sequences along.
  AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e'
  )
ORDER BY 1
