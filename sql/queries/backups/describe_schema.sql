-- Everything that makes up a database's schema, the same before a dump and after its restore: what an object is
-- and its name, what the catalogue says plainly of it, and the SQL that PostgreSQL writes for it (`written`).
-- PostgreSQL writes some of it differently when it reads what it wrote: compare the meaning, not the text. Columns
-- of a partition share one name, for there are many. Extensions bring their own objects along and are left out.
-- Runs with search_path = pg_catalog, which makes every name in it a full one.
WITH members AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), own AS (
  SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relations AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class AS c
  JOIN own AS n ON n.oid = c.relnamespace
  WHERE c.relpersistence <> 't' AND ('pg_class'::regclass, c.oid) NOT IN (SELECT classid, objid FROM members)
)
SELECT 'column' AS kind, CASE WHEN r.relispartition THEN r.name ELSE format('%s.%I', r.name, a.attname) END AS name,
    concat_ws(' ', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname,
      format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      nullif(a.attcollation, t.typcollation)::regcollation) AS plain,
    pg_get_expr(d.adbin, d.adrelid) AS written
  FROM relations AS r
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
UNION ALL
SELECT 'table', r.name, concat_ws(' ', r.relkind, r.relpersistence, r.relrowsecurity, r.relforcerowsecurity,
    (SELECT string_agg(option, ',' ORDER BY option) FROM unnest(r.reloptions) AS option),
    i.inhparent::regclass), concat_ws(' ', pg_get_expr(r.relpartbound, r.oid),
    CASE WHEN r.relkind = 'p' THEN pg_get_partkeydef(r.oid) END)
  FROM relations AS r LEFT JOIN pg_inherits AS i ON i.inhrelid = r.oid AND i.inhseqno = 1
  WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'sequence', r.name, concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin,
    s.seqmax, s.seqcache, s.seqcycle), NULL
  FROM relations AS r JOIN pg_sequence AS s ON s.seqrelid = r.oid
UNION ALL
SELECT 'view', r.name, NULL, pg_get_viewdef(r.oid) FROM relations AS r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT 'rule', format('%s.%I', r.name, u.rulename), u.ev_enabled::text, pg_get_ruledef(u.oid)
  FROM relations AS r JOIN pg_rewrite AS u ON u.ev_class = r.oid AND u.rulename <> '_RETURN'
UNION ALL
SELECT 'constraint', format('%s.%I', r.name, k.conname), NULL, pg_get_constraintdef(k.oid)
  FROM relations AS r JOIN pg_constraint AS k ON k.conrelid = r.oid AND k.contype <> 'n'
UNION ALL
SELECT 'index', x.name, concat_ws(' ', i.indisclustered, i.indisreplident), pg_get_indexdef(i.indexrelid)
  FROM relations AS r JOIN pg_index AS i ON i.indrelid = r.oid JOIN relations AS x ON x.oid = i.indexrelid
UNION ALL
SELECT 'trigger', format('%s.%I', r.name, t.tgname), t.tgenabled::text, pg_get_triggerdef(t.oid)
  FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT 'policy', format('%s.%I', r.name, p.polname), concat_ws(' ', p.polcmd, p.polpermissive,
    (SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role)::text END, ',' ORDER BY role = 0,
      pg_get_userbyid(role)) FROM unnest(p.polroles) AS role)),
    concat_ws(' WITH CHECK ', coalesce(pg_get_expr(p.polqual, p.polrelid), ''),
      pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid
UNION ALL
SELECT 'function', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    a.aggtransfn || ' ' || a.aggfinalfn || ' ' || coalesce(a.agginitval, ''),
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
  FROM pg_proc AS p
  JOIN own AS n ON n.oid = p.pronamespace
  LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
  WHERE ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM members)
UNION ALL
SELECT 'type', format('%I.%I', n.nspname, t.typname), concat_ws(' ', t.typtype, t.typnotnull,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
    (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum AS e
      WHERE e.enumtypid = t.oid)), t.typdefault
  FROM pg_type AS t
  JOIN own AS n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd', 'r')
    AND ('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM members)
UNION ALL
SELECT 'constraint', format('%s.%I', k.contypid::regtype, k.conname), NULL, pg_get_constraintdef(k.oid)
  FROM pg_constraint AS k
  JOIN own AS n ON n.oid = k.connamespace
  WHERE k.contypid <> 0 AND k.contype = 'c'
    AND ('pg_type'::regclass, k.contypid) NOT IN (SELECT classid, objid FROM members)
ORDER BY 1, 2, 3
