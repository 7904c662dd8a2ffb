-- A message has not gone out. Given up: when the channel will never take it, or after three days of trying.
WITH tried AS (
  UPDATE alert_deliveries
  SET
    attempts = attempts + 1,
    response = :message,
    state = CASE WHEN :final OR due_at < now() - interval '3 days' THEN 'failed' ELSE state END,
    reason = CASE WHEN :final OR due_at < now() - interval '3 days' THEN 'given up: ' || :message ELSE reason END,
    settled_at = CASE WHEN :final OR due_at < now() - interval '3 days' THEN now() END
  WHERE message_id = :message_id AND state = 'waiting'
)
UPDATE alert_threads
SET
  attempts = attempts + 1,
  trouble = :message,
  claimed_until = NULL,
  next_at = now() + coalesce(
    CAST(:pause AS interval),
    least(interval '30 seconds' * power(2, least(attempts, 10)), interval '15 minutes')
  )
WHERE id = ANY (CAST(:threads AS bigint[]))
