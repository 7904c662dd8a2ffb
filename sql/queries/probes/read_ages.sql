-- How new each kind of data is, as far as the platform's own tables know; include/probes/ages.py has the kinds. `expected`:
-- something should have come by now, if it is promised. A time ahead of the clock is none. Nothing here reads a large
-- table: the newest entry of an index, or a small table.
WITH RECURSIVE symbol AS (  -- each symbol that has candles of late: one step in the index a symbol
  (
    SELECT symbol FROM market_candles WHERE timestamp > now() - interval '8 days' ORDER BY symbol LIMIT 1
  )
  UNION ALL
  SELECT (
    SELECT held.symbol
    FROM market_candles AS held
    WHERE held.symbol > symbol.symbol AND held.timestamp > now() - interval '8 days'
    ORDER BY held.symbol
    LIMIT 1
  )
  FROM symbol
  WHERE symbol.symbol IS NOT NULL
), newest_candle AS (
  SELECT
    candle.source,
    candle.timestamp + resolution_interval(resolution.name) AS closed_at
  FROM symbol
  CROSS JOIN unnest(ARRAY['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '1w'])
    AS resolution (name)
  CROSS JOIN LATERAL (
    SELECT source, timestamp
    FROM market_candles
    WHERE market_candles.symbol = symbol.symbol
      AND market_candles.resolution = resolution.name
      AND timestamp > now() - interval '8 days'
      AND timestamp <= now() - resolution_interval(resolution.name)
    ORDER BY timestamp DESC
    LIMIT 1
  ) AS candle
  UNION ALL  -- a source whose candles are older, or in whose place another one's have come
  SELECT labels ->> 'source', to_timestamp(value::float8)
  FROM metric_values
  WHERE metric = 'tradeops_newest_candle_timestamp_seconds' AND value <= extract(epoch FROM now())
), work AS (
  SELECT
    EXISTS (
      SELECT FROM trade_signals WHERE status = 'active' AND expires_at > now() AND generated_at < now() - interval '1 hour'
    ) AS trades_are_open,
    EXISTS (SELECT FROM performance_refreshes WHERE marked_at < now() - interval '15 minutes') AS users_wait
)
SELECT kind, label, newest, expected, now() AS at
FROM (
  SELECT 'candles' AS kind, source AS label, max(closed_at) AS newest, (SELECT trades_are_open FROM work) AS expected
  FROM newest_candle
  GROUP BY source
  UNION ALL
  SELECT 'fetches', '', max(fetched_at), (SELECT trades_are_open FROM work)
  FROM candle_fetches WHERE fetched_at <= now()
  UNION ALL
  SELECT 'snapshots', source, max(fetched_at), false FROM snapshot_parts WHERE fetched_at <= now() GROUP BY source
  UNION ALL
  SELECT 'signals', '', max(generated_at), true
  FROM trade_signals WHERE generated_at <= now()
  UNION ALL
  SELECT 'settled', '', max(coalesce(completed_at, expires_at)), false
  FROM trade_signals
  WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    AND coalesce(completed_at, expires_at) <= now()
  UNION ALL
  SELECT 'analyses', '', max(created_at), false FROM trade_analyses WHERE created_at <= now()
  UNION ALL
  SELECT 'statistics', '', max(last_calculated_at), (SELECT users_wait FROM work)
  FROM atge_performance_cache WHERE last_calculated_at <= now()
  UNION ALL
  SELECT 'kpis', '', max(calculated_at), true
  FROM (SELECT calculated_at FROM daily_kpis WHERE calculated_at <= now() ORDER BY day DESC LIMIT 1) AS newest
  UNION ALL
  SELECT 'probes', kind, max(checked_at), true
  FROM probe_status WHERE status IS NOT NULL AND checked_at <= now() GROUP BY kind
  UNION ALL
  SELECT 'backups', listed.kind, (
    SELECT max(finished_at)
    FROM backups
    WHERE backups.kind = listed.kind AND status = 'complete' AND finished_at <= now()
  ), true
  FROM unnest(ARRAY['database', 'logs', 'configuration', 'full']) AS listed (kind)
  UNION ALL
  SELECT 'drills', '', max(started_at), true FROM restore_drills WHERE success AND started_at <= now()
  UNION ALL
  SELECT 'audits', '', max(created_at), true
  FROM data_quality_results
  WHERE created_at <= now() AND day >= (SELECT max(day) FROM data_quality_results) - 1
  UNION ALL
  SELECT 'reports', listed.kind, (
    SELECT max(built_at) FROM reports WHERE reports.kind = listed.kind AND built_at <= now()
  ), true
  FROM unnest(ARRAY['daily', 'weekly', 'monthly']) AS listed (kind)
  UNION ALL
  SELECT 'upkeep', '', max(created_at), true FROM maintenance_reports WHERE created_at <= now()
  UNION ALL
  SELECT 'archive', '', max(created_at), false FROM archived_batches WHERE created_at <= now()
  UNION ALL
  SELECT 'rules', '', max(at), true FROM alert_evaluations WHERE at <= now()
  UNION ALL
  SELECT 'feedback', '', max(timestamp), false FROM atge_user_feedback WHERE timestamp <= now()
  UNION ALL
  SELECT 'replays', '', max(started_at), false FROM replays WHERE started_at <= now()
) AS ages
ORDER BY kind, label
