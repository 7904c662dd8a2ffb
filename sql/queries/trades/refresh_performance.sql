-- Brings the statistics of users whose trades have changed since the last time up to date: up to :users of them with up
-- to :trades trades to read together, but one at least; answers how many. Their notes go in the same transaction: if it
-- fails, they are still there for the next sweep.
WITH noted AS (
  SELECT user_id, bool_or(trade_ids IS NULL) AS whole, sum(cardinality(trade_ids)) AS changes
  FROM performance_refreshes
  WHERE user_id IN (SELECT DISTINCT user_id FROM performance_refreshes ORDER BY user_id LIMIT :users)
  GROUP BY user_id
), sized AS (
  SELECT
    user_id,
    CASE  -- as update_performance_state reads them
      WHEN whole OR NOT EXISTS (SELECT FROM performance_chunks AS chunk WHERE chunk.user_id = noted.user_id)
      THEN (SELECT count(*) FROM trade_signals AS signal WHERE signal.user_id = noted.user_id)
      ELSE changes
    END AS trades
  FROM noted
), users AS (
  SELECT coalesce(array_agg(user_id), '{}') AS ids
  FROM (SELECT user_id, sum(trades) OVER (ORDER BY user_id) - trades AS trades_before FROM sized) AS summed
  WHERE trades_before < :trades
)
SELECT cardinality(users.ids) AS users, refresh_atge_performance(users.ids) FROM users
