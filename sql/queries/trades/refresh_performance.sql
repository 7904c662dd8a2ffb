-- Recalculates the statistics of users whose trades have changed since the last time: up to :users of them who have
-- up to :trades trades together, but one at least; answers how many. Their notes go in the same transaction: if it
-- fails, they are still there for the next sweep.
WITH noted AS (
  SELECT DISTINCT user_id FROM performance_refreshes ORDER BY user_id LIMIT :users
), sized AS (
  SELECT user_id, sum(count(signal.user_id)) OVER (ORDER BY user_id) - count(signal.user_id) AS trades_before
  FROM noted
  LEFT JOIN trade_signals AS signal USING (user_id)
  GROUP BY user_id
), due AS (
  DELETE FROM performance_refreshes
  WHERE id IN (
    SELECT id
    FROM performance_refreshes
    WHERE user_id IN (SELECT user_id FROM sized WHERE trades_before < :trades)
    FOR UPDATE SKIP LOCKED
  )
  RETURNING user_id
), users AS (
  SELECT coalesce(array_agg(DISTINCT user_id), '{}') AS ids FROM due
)
SELECT cardinality(users.ids) AS users, refresh_atge_performance(users.ids) FROM users
