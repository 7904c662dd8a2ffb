-- Write telemetry records; one that is there already is left alone.
INSERT INTO atge_error_logs (
  id, timestamp, user_id, trade_signal_id, error_type, error_message, error_stack, severity, context
)
SELECT id, timestamp, user_id, trade_signal_id, error_type, error_message, error_stack, severity, context
FROM jsonb_populate_recordset(NULL::atge_error_logs, CAST(:rows AS jsonb))
ON CONFLICT (id) DO NOTHING
