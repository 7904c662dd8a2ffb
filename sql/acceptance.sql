-- What operators ask of the platform's database; the restore drill runs it all against the restored one, in a
-- transaction that is rolled back. Each statement ends with a semicolon at the end of a line.

SELECT id, symbol, status, generated_at, expires_at
FROM trade_signals
WHERE status = 'active' AND expires_at < NOW()
ORDER BY expires_at DESC;

SELECT ts.id, ts.symbol, COUNT(thp.id) AS price_points
FROM trade_signals AS ts
LEFT JOIN trade_historical_prices AS thp ON ts.id = thp.trade_signal_id
WHERE ts.status = 'active'
GROUP BY ts.id, ts.symbol
HAVING COUNT(thp.id) = 0;

SELECT ts.id, ts.symbol, ts.status, tr.ai_analysis
FROM trade_signals AS ts
JOIN trade_results AS tr ON ts.id = tr.trade_signal_id
WHERE ts.status IN ('completed_success', 'completed_failure') AND tr.ai_analysis IS NULL
ORDER BY ts.completed_at DESC;

SELECT * FROM vw_complete_trades ORDER BY generated_at DESC LIMIT 20;

SELECT calculate_atge_performance(user_id) FROM trade_signals LIMIT 1;

SELECT * FROM atge_recent_critical_errors;

SELECT * FROM atge_performance_summary_24h;

SELECT * FROM atge_feedback_summary;

SELECT error_type, COUNT(*) AS count
FROM atge_error_logs
WHERE timestamp > NOW() - INTERVAL '24 hours'
GROUP BY error_type
ORDER BY count DESC;

SELECT metric_name, value, unit
FROM atge_performance_metrics
WHERE metric_type = 'api_response' AND value > 5000
ORDER BY value DESC
LIMIT 20;

SELECT feedback_type, rating, comment, timestamp FROM atge_user_feedback ORDER BY timestamp DESC LIMIT 20;

SELECT tablename, pg_size_pretty(pg_total_relation_size(schemaname || '.' || tablename)) AS size
FROM pg_tables
WHERE tablename LIKE 'trade_%' OR tablename LIKE 'atge_%'
ORDER BY pg_total_relation_size(schemaname || '.' || tablename) DESC;

SELECT schemaname, relname, indexrelname, idx_scan, idx_tup_read, idx_tup_fetch
FROM pg_stat_user_indexes
WHERE relname LIKE 'trade_%'
ORDER BY idx_scan DESC;

SELECT * FROM orders ORDER BY created_at DESC LIMIT 5;

SELECT * FROM positions;

SELECT requirement, average_price, reason, valid_from FROM token_requirements ORDER BY valid_from DESC LIMIT 5;

SELECT DISTINCT ON (user_id) user_id, state, since, grace_ends_at, reason FROM access_grants ORDER BY user_id, since DESC;
