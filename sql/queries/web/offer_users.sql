-- Users who have statistics, those with the most trades first.
SELECT
  user_id::text AS value,
  total_trades || ' settled, ' || round(total_profit_loss, 2) || ' USD' AS label
FROM atge_performance_cache
ORDER BY total_trades DESC, user_id
LIMIT :limit
