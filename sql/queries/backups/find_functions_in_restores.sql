-- Functions that run while rows are restored: in checks, generated columns, indexes, materialized views. A restore
-- works with an empty search_path, so that one which names objects without their schema fails. Those that bring
-- their own search_path, or whose body was resolved when it was made, cannot.
SELECT DISTINCT p.oid, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
  l.lanname AS language
FROM pg_depend AS d
JOIN pg_proc AS p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
JOIN pg_language AS l ON l.oid = p.prolang
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%')
  AND NOT EXISTS (
    SELECT FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
  AND (d.classid = 'pg_constraint'::regclass
    OR (d.classid = 'pg_attrdef'::regclass AND EXISTS (
      SELECT FROM pg_attrdef AS f
      JOIN pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
      WHERE f.oid = d.objid AND a.attgenerated <> ''))
    OR (d.classid = 'pg_rewrite'::regclass AND EXISTS (
      SELECT FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = d.objid AND c.relkind = 'm'))
    OR (d.classid = 'pg_class'::regclass AND EXISTS (
      SELECT FROM pg_class AS c WHERE c.oid = d.objid AND c.relkind IN ('i', 'I'))))
ORDER BY 2
