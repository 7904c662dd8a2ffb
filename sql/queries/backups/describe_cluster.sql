-- A server as a base backup sees it. Its size is that of the databases whose size this login may ask: the backup
-- copies the files of all, and only estimates by these.
SELECT
  current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS number,
  (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint
   FROM pg_database
   WHERE datallowconn
     AND (has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER'))) AS size,
  current_setting('summarize_wal', true) AS summaries
