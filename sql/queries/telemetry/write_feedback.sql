-- Write telemetry records; one that is there already is left alone.
INSERT INTO atge_user_feedback (
  id, timestamp, user_id, trade_signal_id, feedback_type, rating, comment, metadata
)
SELECT id, timestamp, user_id, trade_signal_id, feedback_type, rating, comment, metadata
FROM jsonb_populate_recordset(NULL::atge_user_feedback, CAST(:rows AS jsonb))
ON CONFLICT (id) DO NOTHING
