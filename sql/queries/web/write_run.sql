-- Writes down a run that is about to be started.
INSERT INTO api_runs (dag_id, user_id, trade_signal_id, started_by, conf, idempotency_key, request_hash)
VALUES (
  :dag_id, CAST(:user_id AS uuid), CAST(:trade_signal_id AS uuid), :started_by, CAST(:conf AS jsonb),
  :idempotency_key, CAST(:request_hash AS bytea)
)
RETURNING id, dag_id, conf, started_at
