-- Our tables (partitions one by one) with what has changed since they were analyzed and vacuumed. `owned`: this
-- role may tend them.
SELECT
  c.oid::regclass::text AS name,
  s.n_live_tup AS live,
  s.n_dead_tup AS dead,
  s.n_mod_since_analyze AS changed,
  greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at,
  greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
  age(c.relfrozenxid) AS transactions,
  pg_has_role(c.relowner, 'USAGE') AS owned
FROM pg_class AS c
JOIN pg_stat_user_tables AS s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
ORDER BY s.n_dead_tup DESC, 1
