-- Forgets runs that were asked for more than 90 days ago, and the buckets of callers who have not come for a day; the
-- rest of a long backlog is left for the next time.
WITH idle AS (
  DELETE FROM api_limits
  WHERE caller IN (
    SELECT caller FROM api_limits WHERE busy_until < now() - interval '1 day' LIMIT 1000 FOR UPDATE SKIP LOCKED
  )
)
DELETE FROM api_runs
WHERE id IN (
  SELECT id FROM api_runs WHERE asked_at < now() - interval '90 days' ORDER BY asked_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)
