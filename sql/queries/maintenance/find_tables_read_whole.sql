-- Large tables that are mostly read from end to end: an index may be missing.
SELECT relname AS name, n_live_tup AS live, seq_scan AS scans, seq_tup_read / seq_scan AS rows_a_scan, idx_scan
FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND seq_scan > :scans AND n_live_tup > :rows
  AND seq_scan > coalesce(idx_scan, 0)
ORDER BY seq_tup_read DESC
LIMIT 20
