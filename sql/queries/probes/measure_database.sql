-- What the server has counted for this database since its statistics began, and its sessions by state. Sessions of
-- other roles do not show their state to a role without pg_read_all_stats: they are counted as hidden.
SELECT
  (
    SELECT jsonb_object_agg(state, sessions)
    FROM (
      SELECT coalesce(state, 'hidden') AS state, count(*) AS sessions
      FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
      GROUP BY 1
    ) AS by_state
  ) AS connections,
  xact_commit AS commits,
  xact_rollback AS rollbacks,
  deadlocks,
  blks_hit AS blocks_hit,
  blks_read AS blocks_read,
  temp_bytes AS temporary_bytes,
  stats_reset AS counted_since,
  to_regclass('pg_stat_statements') IS NOT NULL AS knows_statements
FROM pg_stat_database
WHERE datname = current_database()
