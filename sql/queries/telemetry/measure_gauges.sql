-- What /metrics shows as it is now, a row a series. What is not known has no row: 0 would be an invented number. A time
-- ahead of the clock proves nothing.
WITH server AS MATERIALIZED (
  SELECT xact_commit, xact_rollback, deadlocks, blks_hit, blks_read
  FROM pg_stat_database
  WHERE datname = current_database()
), sessions AS MATERIALIZED (  -- of other roles, without the right to see them, the state is not shown
  SELECT
    count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()) AS active,
    count(*) FILTER (WHERE state LIKE 'idle%') AS idle
  FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend'
), saved AS MATERIALIZED (  -- the newest good backup of each kind, also one that retention has deleted since
  SELECT DISTINCT ON (kind) kind, finished_at, bytes
  FROM backups
  WHERE manifest IS NOT NULL
    AND verified IS DISTINCT FROM 'bad'
    AND finished_at <= now() + interval '1 minute'
    AND coalesce(installation, this_installation()) = this_installation()
  ORDER BY kind, finished_at DESC
), drill AS MATERIALIZED (
  SELECT started_at, restore_seconds, total_seconds
  FROM restore_drills
  WHERE success AND started_at <= now() + interval '1 minute'
  ORDER BY started_at DESC
  LIMIT 1
)
SELECT 'tradeops_trades_due' AS metric, jsonb_build_object() AS labels, CAST(due AS double precision) AS value
FROM measure_due_trades(now())
UNION ALL
SELECT 'tradeops_trades_due_oldest_seconds', '{}', due_for_seconds
FROM measure_due_trades(now())
UNION ALL
SELECT 'tradeops_candle_age_seconds', labels, extract(epoch FROM now()) - value
FROM metric_values
WHERE metric = 'tradeops_newest_candle_timestamp_seconds'
UNION ALL
SELECT 'tradeops_service_quota_used_ratio', jsonb_build_object('service', service), max(share)
FROM http_quotas
GROUP BY service
UNION ALL
SELECT
  'tradeops_probe_status', jsonb_build_object('service', service),
  CASE status WHEN 'healthy' THEN 1 WHEN 'degraded' THEN 0.5 ELSE 0 END
FROM probe_status
WHERE status IS NOT NULL
UNION ALL
SELECT 'tradeops_alerts_firing', jsonb_build_object('severity', known.severity), count(alert_states.rule)
FROM unnest(ARRAY['critical', 'warning', 'info']) AS known (severity)
LEFT JOIN alert_states
  ON alert_states.severity = known.severity AND state IN ('firing', 'acknowledged', 'recovering')
GROUP BY known.severity
UNION ALL
SELECT 'tradeops_backup_last_success_timestamp_seconds', jsonb_build_object('kind', kind), extract(epoch FROM finished_at)
FROM saved
UNION ALL
SELECT 'tradeops_backup_size_bytes', jsonb_build_object('kind', kind), bytes
FROM saved
WHERE bytes IS NOT NULL
UNION ALL
SELECT 'tradeops_restore_drill_seconds', '{}', restore_seconds
FROM drill
WHERE restore_seconds IS NOT NULL
UNION ALL
SELECT
  'tradeops_restore_drill_last_success_timestamp_seconds', '{}',
  extract(epoch FROM started_at) + coalesce(total_seconds, 0)
FROM drill
UNION ALL
SELECT 'db_connections_active', '{}', active FROM sessions
UNION ALL
SELECT 'db_connections_idle', '{}', idle FROM sessions
UNION ALL
SELECT 'db_transactions_total', '{}', xact_commit + xact_rollback FROM server
UNION ALL
SELECT 'db_deadlocks_total', '{}', deadlocks FROM server
UNION ALL
SELECT 'db_cache_hit_ratio', '{}', CAST(blks_hit AS double precision) / (blks_hit + blks_read)
FROM server
WHERE blks_hit + blks_read > 0
