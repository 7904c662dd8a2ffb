-- Takes the snapshot that the dump reads in, and what is to be known of the server.
SELECT
  pg_export_snapshot() AS id,
  current_setting('server_version_num')::int AS version,
  pg_database_size(current_database()) AS size
