-- Notices, deliveries and threads are kept for 90 days, silences for a year after their end. In bounded steps.
WITH threads AS (
  DELETE FROM alert_threads
  WHERE id IN (SELECT id FROM alert_threads WHERE closed_at < now() - interval '90 days' LIMIT :limit)
),
silences AS (
  DELETE FROM alert_silences
  WHERE id IN (SELECT id FROM alert_silences WHERE ends_at < now() - interval '1 year' LIMIT :limit)
)
DELETE FROM alert_notices
WHERE id IN (
  SELECT id FROM alert_notices
  WHERE created_at < now() - interval '90 days' AND handled_at IS NOT NULL
  ORDER BY created_at
  LIMIT :limit
)
