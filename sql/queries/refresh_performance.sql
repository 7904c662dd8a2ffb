-- Recalculates the statistics of up to :limit users whose trades were settled since the last time.
-- The notes go in the same transaction: if it fails, they are still there for the next sweep.
WITH due AS (
  DELETE FROM performance_refreshes
  WHERE user_id IN (
    SELECT user_id FROM performance_refreshes ORDER BY marked_at LIMIT :limit FOR UPDATE SKIP LOCKED
  )
  RETURNING user_id
), users AS (
  SELECT coalesce(array_agg(user_id ORDER BY user_id), '{}') AS ids FROM due
)
SELECT cardinality(users.ids) AS users, refresh_atge_performance(users.ids) FROM users
