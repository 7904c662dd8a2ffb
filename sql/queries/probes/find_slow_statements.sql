-- The statements that took longest in the mean, from the extension pg_stat_statements.
SELECT left(regexp_replace(query, '\s+', ' ', 'g'), 200) AS statement, calls,
  mean_exec_time AS mean_ms, total_exec_time AS total_ms
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND mean_exec_time > :milliseconds
ORDER BY mean_exec_time DESC
LIMIT 5
