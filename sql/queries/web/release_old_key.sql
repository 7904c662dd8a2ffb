-- An Idempotency-Key counts for 24 hours; then it may stand for another request. One from the future does not count.
UPDATE api_runs
SET idempotency_key = NULL, request_hash = NULL
WHERE started_by = :caller AND idempotency_key = :idempotency_key
  AND (asked_at <= now() - interval '24 hours' OR asked_at > now() + interval '1 minute')
