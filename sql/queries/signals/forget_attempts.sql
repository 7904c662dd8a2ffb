-- Ends attempts whose run has died, and forgets those of more than 90 days ago; the rest of a long backlog is left
-- for the next time.
WITH abandoned AS (
  UPDATE signal_attempts
  SET outcome = 'abandoned', reason = 'its run died or was stopped: the lease lapsed', finished_at = now()
  WHERE outcome = 'working' AND lease_expires_at < now()
)
DELETE FROM signal_attempts
WHERE id IN (
  SELECT id FROM signal_attempts
  WHERE requested_at < now() - interval '90 days' AND outcome <> 'working'
  ORDER BY requested_at
  LIMIT 10000
)
