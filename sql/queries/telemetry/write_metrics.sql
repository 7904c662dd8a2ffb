-- Write telemetry records; one that is there already is left alone.
INSERT INTO atge_performance_metrics (
  id, timestamp, user_id, trade_signal_id, metric_type, metric_name, value, unit, metadata
)
SELECT id, timestamp, user_id, trade_signal_id, metric_type, metric_name, value, unit, metadata
FROM jsonb_populate_recordset(NULL::atge_performance_metrics, CAST(:rows AS jsonb))
ON CONFLICT (id) DO NOTHING
