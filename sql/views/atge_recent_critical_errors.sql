-- The critical errors of the last 24 hours, the newest first.
CREATE OR REPLACE VIEW atge_recent_critical_errors WITH (security_invoker = true) AS
SELECT id, timestamp, error_type, error_message, error_stack, user_id, trade_signal_id, context, severity
FROM atge_error_logs
WHERE severity = 'critical' AND timestamp > now() - interval '24 hours'
ORDER BY timestamp DESC;

COMMENT ON VIEW atge_recent_critical_errors IS 'Critical errors of the last 24 hours, the newest first';
