-- Errors that name a trade, the newest first.
SELECT timestamp, error_type, severity, error_message
FROM atge_error_logs
WHERE trade_signal_id = :trade
ORDER BY timestamp DESC, id
LIMIT :most
