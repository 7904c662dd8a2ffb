-- The run that a caller started with this Idempotency-Key.
SELECT id, dag_id, conf, started_at, request_hash
FROM api_runs
WHERE started_by = :caller AND idempotency_key = :idempotency_key
