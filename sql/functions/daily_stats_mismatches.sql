-- Where the daily rows of these users do not add up to their row of atge_performance_cache; nothing when all agree.
-- Days that were never rolled up, or whose trades have changed since, are counted from what is kept of the users' trades
-- (performance_nodes, performance_chunks). A user with a note in performance_refreshes has a stale cache, and one of whom
-- nothing is kept has none that can be compared: refresh them first.
-- For all users: SELECT * FROM daily_stats_mismatches(ARRAY(SELECT user_id FROM atge_performance_cache))
--
-- The daily rows of days that are current are those of all days, which daily_stats_totals has added up, but for those
-- of the days that are due. Of the stretches of time between current days, a node that lies in one is taken as a whole; of
-- one at the edge of a stretch the chunks are looked at, and of a chunk at the edge the trades. So it costs the same
-- however many trades of other days there are.
CREATE OR REPLACE FUNCTION daily_stats_mismatches(user_ids uuid[])
RETURNS TABLE (user_id uuid, figure text, rolled_up numeric, cached numeric)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan  -- one user and thousands want different plans
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT DISTINCT id AS user_id FROM unnest($1) AS given (id)
  ),
  current_days AS (
    SELECT day FROM daily_kpis EXCEPT SELECT day FROM daily_stats_due
  ),
  stretches AS MATERIALIZED (  -- the first moment and the last; the first day also takes what lies before it: trade_day
    SELECT
      coalesce((lag(day) OVER (ORDER BY day) + 1)::timestamp AT TIME ZONE 'UTC', '-infinity') AS begins,
      day::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond' AS ends
    FROM current_days
    UNION ALL
    SELECT coalesce((max(day) + 1)::timestamp AT TIME ZONE 'UTC', '-infinity'), 'infinity' FROM current_days
  ),
  gaps AS MATERIALIZED (
    SELECT * FROM stretches WHERE begins < ends AND ends >= timestamptz '0001-01-02Z'
  ),
  nodes AS MATERIALIZED (  -- of each user, with the first and the last moment of its trades, and the node that follows
    SELECT
      node.*,
      greatest(node.from_at, oldest.at) AS begins,
      least(lead(node.from_at, 1, 'infinity') OVER following, newest.at) AS ends,
      lead(node.from_at, 1, 'infinity') OVER following AS to_at,
      lead(node.from_exit, 1, 'infinity') OVER following AS to_exit,
      lead(node.from_id, 1, 'ffffffff-ffff-ffff-ffff-ffffffffffff') OVER following AS to_id
    FROM wanted
    CROSS JOIN LATERAL (
      SELECT trades[1].ended_at AS at
      FROM performance_chunks AS chunk
      WHERE chunk.user_id = wanted.user_id
      ORDER BY from_at, from_exit, from_id
      LIMIT 1
    ) AS oldest
    CROSS JOIN LATERAL (
      SELECT trades[cardinality(trades)].ended_at AS at
      FROM performance_chunks AS chunk
      WHERE chunk.user_id = wanted.user_id
      ORDER BY from_at DESC, from_exit DESC, from_id DESC
      LIMIT 1
    ) AS newest
    JOIN performance_nodes AS node ON node.user_id = wanted.user_id
    WINDOW following AS (PARTITION BY node.user_id ORDER BY node.from_at, node.from_exit, node.from_id)
  ),
  judged_nodes AS MATERIALIZED (
    SELECT nodes.*, gap.whole
    FROM nodes
    CROSS JOIN LATERAL (
      SELECT bool_or(gaps.begins <= nodes.begins AND nodes.ends <= gaps.ends) AS whole
      FROM gaps
      WHERE gaps.begins <= nodes.ends AND nodes.begins <= gaps.ends
    ) AS gap
  ),
  judged_chunks AS MATERIALIZED (
    SELECT chunk.user_id, chunk.trades, chunk.part, gap.whole
    FROM (SELECT * FROM judged_nodes WHERE NOT whole) AS node
    CROSS JOIN LATERAL (
      SELECT chunk.user_id, trades, part, trades[1].ended_at AS begins, trades[cardinality(trades)].ended_at AS ends
      FROM performance_chunks AS chunk
      WHERE chunk.user_id = node.user_id
        AND (chunk.from_at, chunk.from_exit, chunk.from_id) >= (node.from_at, node.from_exit, node.from_id)
        AND (chunk.from_at, chunk.from_exit, chunk.from_id) < (node.to_at, node.to_exit, node.to_id)
    ) AS chunk
    CROSS JOIN LATERAL (
      SELECT bool_or(gaps.begins <= chunk.begins AND chunk.ends <= gaps.ends) AS whole
      FROM gaps
      WHERE gaps.begins <= chunk.ends AND chunk.begins <= gaps.ends
    ) AS gap
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
      kept.user_id, (part).trades, (part).wins, (part).trades - (part).wins, (part).net, (part).profit, -(part).lost
    FROM (
      SELECT user_id, part FROM judged_nodes WHERE whole
      UNION ALL
      SELECT user_id, part FROM judged_chunks WHERE whole
    ) AS kept
    UNION ALL
    SELECT
      chunk.user_id, 1, won::int, (NOT won)::int, coalesce(net, 0),
      CASE WHEN won THEN coalesce(net, 0) ELSE 0 END, CASE WHEN won THEN 0 ELSE coalesce(-net, 0) END
    FROM judged_chunks AS chunk
    CROSS JOIN LATERAL unnest(trades) AS trade
    WHERE NOT whole AND EXISTS (SELECT FROM gaps WHERE trade.ended_at BETWEEN begins AND ends)
  ),
  sums AS (
    SELECT
      parts.user_id, sum(trades) AS trades, sum(wins) AS wins, sum(losses) AS losses,
      sum(net) AS net, sum(profit) AS profit, sum(loss) AS loss
    FROM parts
    GROUP BY parts.user_id
  )
  SELECT wanted.user_id, figures.figure, figures.rolled_up, figures.cached
  FROM wanted
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
  ORDER BY wanted.user_id, figures.figure;
END;
$$;

COMMENT ON FUNCTION daily_stats_mismatches IS
  'Where the daily rows of these users do not add up to their cached statistics, to the cent; nothing when all agree';
