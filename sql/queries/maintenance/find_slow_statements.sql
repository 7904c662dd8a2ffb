-- Statements of this database by their mean time, from the extension pg_stat_statements.
SELECT left(regexp_replace(query, '\s+', ' ', 'g'), 300) AS statement, calls,
  round(mean_exec_time::numeric, 1) AS mean_ms, round(max_exec_time::numeric, 1) AS max_ms, rows
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND mean_exec_time > :milliseconds AND calls >= 5
ORDER BY mean_exec_time DESC
LIMIT 20
