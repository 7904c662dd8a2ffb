-- What the server says about itself, as far as a role without special rights may see.
SELECT
  (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS most,
  (
    SELECT max(now() - xact_start) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  ) AS oldest_transaction,
  pg_size_pretty(pg_database_size(current_database())) AS size,
  pg_is_in_recovery() AS standby,
  (SELECT count(*) FROM pg_stat_replication) AS replicas,
  CASE WHEN pg_is_in_recovery() THEN now() - pg_last_xact_replay_timestamp() END AS lag
