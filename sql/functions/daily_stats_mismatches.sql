-- Where the daily rows of these users do not add up to their row of atge_performance_cache; nothing when all agree.
-- Days that were never rolled up, or whose trades have changed since, are counted from the trades themselves. A
-- user with a note in performance_refreshes has a stale cache: refresh it first.
-- For all users: SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))
CREATE OR REPLACE FUNCTION daily_stats_mismatches(user_ids uuid[])
RETURNS TABLE (user_id uuid, figure text, rolled_up numeric, cached numeric)
LANGUAGE sql STABLE AS $$
  WITH current_days AS MATERIALIZED (
    SELECT day FROM daily_kpis EXCEPT SELECT day FROM daily_stats_due
  ),
  parts AS (
    SELECT
      stats.user_id, total_trades AS trades, winning_trades AS wins, losing_trades AS losses,
      total_profit_loss AS net, total_profit AS profit, total_loss AS loss
    FROM daily_trade_stats AS stats
    WHERE stats.user_id = ANY (user_ids) AND stats.day IN (SELECT day FROM current_days)
    UNION ALL
    SELECT
      signal.user_id, 1, (status = 'completed_success')::int, (status = 'completed_failure')::int,
      coalesce(net_profit_loss, 0),
      CASE WHEN status = 'completed_success' THEN coalesce(net_profit_loss, 0) ELSE 0 END,
      CASE WHEN status = 'completed_failure' THEN coalesce(-net_profit_loss, 0) ELSE 0 END
    FROM trade_signals AS signal
    LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
    WHERE signal.user_id = ANY (user_ids)
      AND status IN ('completed_success', 'completed_failure')
      AND trade_day(completed_at, expires_at) NOT IN (SELECT day FROM current_days)
  ),
  sums AS (
    SELECT
      parts.user_id, sum(trades) AS trades, sum(wins) AS wins, sum(losses) AS losses,
      sum(net) AS net, sum(profit) AS profit, sum(loss) AS loss
    FROM parts
    GROUP BY parts.user_id
  )
  SELECT wanted.user_id, figures.figure, figures.rolled_up, figures.cached
  FROM (SELECT DISTINCT id AS user_id FROM unnest(user_ids) AS given (id)) AS wanted
  LEFT JOIN sums USING (user_id)
  LEFT JOIN atge_performance_cache AS cache USING (user_id)
  CROSS JOIN LATERAL (
    VALUES
      ('total_trades', coalesce(sums.trades, 0), coalesce(cache.total_trades, 0)),
      ('winning_trades', coalesce(sums.wins, 0), coalesce(cache.winning_trades, 0)),
      ('losing_trades', coalesce(sums.losses, 0), coalesce(cache.losing_trades, 0)),
      ('total_profit_loss', coalesce(sums.net, 0), coalesce(cache.total_profit_loss, 0)),
      ('total_profit', coalesce(sums.profit, 0), coalesce(cache.total_profit, 0)),
      ('total_loss', coalesce(sums.loss, 0), coalesce(cache.total_loss, 0))
  ) AS figures (figure, rolled_up, cached)
  -- Half a cent; counts are whole numbers. What is no number agrees with its like: NaN - NaN is NaN, more than any limit.
  WHERE figures.rolled_up IS DISTINCT FROM figures.cached AND abs(figures.rolled_up - figures.cached) >= 0.005
  ORDER BY wanted.user_id, figures.figure
$$;

COMMENT ON FUNCTION daily_stats_mismatches IS
  'Where the daily rows of these users do not add up to their cached statistics, to the cent; nothing when all agree';
