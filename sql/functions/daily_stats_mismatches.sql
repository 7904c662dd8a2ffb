-- Where the daily rows of these users do not add up to their row of atge_performance_cache; nothing when all agree.
-- Days that were never rolled up, or whose trades have changed since, are counted from the trades themselves. A
-- user with a note in performance_refreshes has a stale cache: refresh it first.
-- For all users: SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))
--
-- The daily rows of days that are current are those of all days, which daily_stats_totals has added up, but for those
-- of the days that are due. The stretches of time between current days stand in the statement as they are, so that the
-- planner knows how few trades they hold.
CREATE OR REPLACE FUNCTION daily_stats_mismatches(user_ids uuid[])
RETURNS TABLE (user_id uuid, figure text, rolled_up numeric, cached numeric)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
  -- Each from midnight to midnight; what is at the very end belongs to a current day, and is left out below.
  stretches text := (
    WITH current_days AS (
      SELECT day FROM daily_kpis EXCEPT SELECT day FROM daily_stats_due
    ),
    gaps AS (
      SELECT lag(day) OVER (ORDER BY day) + 1 AS begins, day AS ends FROM current_days
      UNION ALL
      SELECT max(day) + 1, 'infinity' FROM current_days
    )
    SELECT string_agg(
      format(
        'coalesce(completed_at, expires_at) BETWEEN timestamptz %L AND timestamptz %L',
        coalesce(begins::timestamp AT TIME ZONE 'UTC', '-infinity'), ends::timestamp AT TIME ZONE 'UTC'
      ), ' OR '
    )
    FROM gaps
    WHERE begins IS NULL OR begins < ends
  );
BEGIN
  RETURN QUERY EXECUTE format($statement$
  WITH current_days AS MATERIALIZED (
    SELECT day FROM daily_kpis EXCEPT SELECT day FROM daily_stats_due
  ),
  parts AS (
    SELECT
      totals.user_id, total_trades AS trades, winning_trades AS wins, losing_trades AS losses,
      total_profit_loss AS net, total_profit AS profit, total_loss AS loss
    FROM daily_stats_totals AS totals
    WHERE totals.user_id = ANY ($1)
    UNION ALL
    SELECT
      stats.user_id, -total_trades, -winning_trades, -losing_trades, -total_profit_loss, -total_profit, -total_loss
    FROM daily_trade_stats AS stats
    WHERE stats.user_id = ANY ($1) AND stats.day = ANY (ARRAY(SELECT day FROM daily_stats_due))
    UNION ALL
    SELECT
      signal.user_id, 1, (status = 'completed_success')::int, (status = 'completed_failure')::int,
      coalesce(net_profit_loss, 0),
      CASE WHEN status = 'completed_success' THEN coalesce(net_profit_loss, 0) ELSE 0 END,
      CASE WHEN status = 'completed_failure' THEN coalesce(-net_profit_loss, 0) ELSE 0 END
    FROM trade_signals AS signal
    LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
    WHERE signal.user_id = ANY ($1)
      AND status IN ('completed_success', 'completed_failure')
      AND (%s)
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
  FROM (SELECT DISTINCT id AS user_id FROM unnest($1) AS given (id)) AS wanted
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
  $statement$, stretches) USING user_ids;
END;
$$;

COMMENT ON FUNCTION daily_stats_mismatches IS
  'Where the daily rows of these users do not add up to their cached statistics, to the cent; nothing when all agree';
