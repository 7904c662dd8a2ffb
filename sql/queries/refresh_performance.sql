-- Recalculates the statistics of up to :limit users whose trades have changed since the last time.
-- The notes go in the same transaction: if it fails, they are still there for the next sweep.
WITH due AS (
  DELETE FROM performance_refreshes
  WHERE id IN (
    SELECT id
    FROM performance_refreshes
    WHERE user_id IN (SELECT DISTINCT user_id FROM performance_refreshes ORDER BY user_id LIMIT :limit)
    FOR UPDATE SKIP LOCKED
  )
  RETURNING user_id
), users AS (
  SELECT coalesce(array_agg(DISTINCT user_id), '{}') AS ids FROM due
)
SELECT cardinality(users.ids) AS users, refresh_atge_performance(users.ids) FROM users
