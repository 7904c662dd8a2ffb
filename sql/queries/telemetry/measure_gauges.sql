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
), looked_at AS MATERIALIZED (  -- the exchange that was looked at last
  SELECT exchange, taken_at
  FROM exchange_balances
  WHERE taken_at <= now() + interval '1 minute'
  ORDER BY id DESC
  LIMIT 1
), judged AS MATERIALIZED (  -- the newest day of verdicts on forecasts
  SELECT method, confidence, verdict, observations, exceptions
  FROM risk_validations
  WHERE day = (SELECT max(day) FROM risk_validations) AND test = 'traffic_light' AND missing IS NULL
), required AS MATERIALIZED (  -- by the newest decision
  SELECT requirement, average_price, outcome
  FROM token_requirements
  WHERE valid_from <= now() + interval '1 minute'
  ORDER BY valid_from DESC
  LIMIT 1
), balances AS MATERIALIZED (
  SELECT finished_at, unreadable
  FROM access_checks
  WHERE finished_at <= now() + interval '1 minute'
  ORDER BY checked_at DESC
  LIMIT 1
), holders_judged AS MATERIALIZED (
  SELECT full_holders, grace_holders, none_holders, unknown_holders
  FROM access_counts
  WHERE judged_at <= now() + interval '1 minute'
  ORDER BY judged_at DESC
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
UNION ALL
SELECT 'signals_by_source', jsonb_build_object('source', known.source), coalesce(counted.value, 0)
FROM unnest(ARRAY['telegram', 'api']) AS known (source)
LEFT JOIN metric_values AS counted
  ON counted.metric = 'signals_received_total' AND counted.labels = jsonb_build_object('source', known.source)
UNION ALL
SELECT 'signal_last_received_timestamp_seconds', jsonb_build_object('source', source), extract(epoch FROM last_at)
FROM (  -- each by its name: of a source without messages the planner then knows that there are none
  SELECT 'telegram' AS source, max(created_at) AS last_at
  FROM signals
  WHERE source = 'telegram' AND created_at <= now() + interval '1 minute'
  UNION ALL
  SELECT 'api', max(created_at) FROM signals WHERE source = 'api' AND created_at <= now() + interval '1 minute'
) AS newest
WHERE last_at IS NOT NULL
UNION ALL
SELECT 'exchange_balance_' || lower(known.currency), '{}', newest.total
FROM looked_at
CROSS JOIN unnest(ARRAY['USDT', 'BTC']) AS known (currency)
CROSS JOIN LATERAL (
  SELECT total
  FROM exchange_balances AS balance
  WHERE balance.exchange = looked_at.exchange
    AND balance.currency = known.currency
    AND balance.taken_at <= looked_at.taken_at
  ORDER BY balance.taken_at DESC
  LIMIT 1
) AS newest
UNION ALL
SELECT 'exchange_balance_updated_timestamp_seconds', '{}', extract(epoch FROM taken_at) FROM looked_at
UNION ALL
SELECT 'tradeops_portfolio_last_sync_timestamp_seconds', jsonb_build_object('source', source),
  extract(epoch FROM min(seen.taken_at))
FROM (
  SELECT source, max(taken_at) AS taken_at
  FROM portfolio_syncs
  WHERE outcome = 'complete' AND finished_at > now() - interval '30 days' AND taken_at <= now() + interval '1 minute'
  GROUP BY source, portfolio_id
) AS seen
GROUP BY source
UNION ALL
SELECT 'tradeops_portfolio_sync_seconds', jsonb_build_object('source', source), extract(epoch FROM took)
FROM (
  SELECT DISTINCT ON (source) source, took
  FROM portfolio_syncs
  WHERE outcome = 'complete' AND finished_at > now() - interval '30 days'
  ORDER BY source, finished_at DESC
) AS newest
WHERE took IS NOT NULL
UNION ALL
SELECT known.metric, '{}', known.value
FROM (
  SELECT finished_at, took
  FROM risk_assessments
  WHERE outcome = 'complete' AND finished_at <= now() + interval '1 minute'
  ORDER BY finished_at DESC
  LIMIT 1
) AS newest
CROSS JOIN LATERAL (
  VALUES
    ('tradeops_risk_last_success_timestamp_seconds', extract(epoch FROM newest.finished_at)),
    ('tradeops_risk_assessment_seconds', extract(epoch FROM newest.took))
) AS known (metric, value)
UNION ALL
SELECT 'tradeops_risk_traffic_lights', jsonb_build_object('zone', known.zone), count(judged.verdict)
FROM unnest(ARRAY['green', 'yellow', 'red']) AS known (zone)
LEFT JOIN judged ON judged.verdict = known.zone
GROUP BY known.zone
UNION ALL
SELECT 'tradeops_risk_exceptions_to_expected_ratio',
  jsonb_build_object('method', method, 'confidence', CAST(confidence AS text)),
  sum(exceptions) / sum(observations * (1 - confidence))
FROM judged
GROUP BY method, confidence
UNION ALL
SELECT
  'tradeops_trading_state', jsonb_build_object('state', known.state),
  CAST(known.state = coalesce((SELECT state FROM trading_switch ORDER BY id DESC LIMIT 1), 'frozen') AS integer)
FROM unnest(ARRAY['trading', 'exits_only', 'frozen']) AS known (state)
UNION ALL
SELECT 'tradeops_exchange_differences', '{}', count(*) FROM reconciliation_differences WHERE resolved_at IS NULL
UNION ALL
SELECT
  'tradeops_orders_unknown_oldest_seconds', '{}',
  greatest(0, coalesce(extract(epoch FROM now() - min(unknown_since)), 0))
FROM orders
WHERE closed_at IS NULL AND status = 'unknown'
UNION ALL
SELECT 'tradeops_reconciliation_last_success_timestamp_seconds', '{}', extract(epoch FROM finished_at)
FROM (
  SELECT finished_at
  FROM reconciliations
  WHERE outcome = 'complete' AND finished_at <= now() + interval '1 minute'
  ORDER BY id DESC
  LIMIT 1
) AS reconciled
UNION ALL
SELECT 'tradeops_token_price_age_seconds', '{}', extract(epoch FROM now() - max(taken_at))
FROM token_prices
WHERE refused IS NULL AND taken_at <= now() + interval '1 minute'
HAVING max(taken_at) IS NOT NULL
UNION ALL
SELECT 'tradeops_token_price_usd', '{}', average_price FROM required WHERE average_price IS NOT NULL
UNION ALL
SELECT 'tradeops_token_requirement_tokens', '{}', requirement FROM required WHERE requirement IS NOT NULL
UNION ALL
SELECT 'tradeops_token_requirement_frozen', '{}', CAST(outcome = 'frozen' AS integer) FROM required
UNION ALL
SELECT 'tradeops_access_holders', jsonb_build_object('state', state), holders
FROM holders_judged
CROSS JOIN LATERAL (
  VALUES ('full', full_holders), ('grace', grace_holders), ('none', none_holders), ('unknown', unknown_holders)
) AS counted (state, holders)
UNION ALL
SELECT 'tradeops_balance_check_last_success_timestamp_seconds', '{}', extract(epoch FROM finished_at) FROM balances
UNION ALL
SELECT 'tradeops_balances_unreadable', '{}', unreadable FROM balances
UNION ALL
SELECT 'tradeops_access_grace_next_end_timestamp_seconds', '{}',
  extract(epoch FROM coalesce(min(grace_ends_at), '9999-12-31 00:00+00'))
FROM access_in_grace
WHERE grace_ends_at > now()
HAVING EXISTS (SELECT FROM access_grants)
