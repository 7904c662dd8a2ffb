-- Recalculates the rows of atge_performance_cache for a set of users in one pass; answers how many.
-- The formulas are in the comments on the columns (migration 0001). A user without settled trades gets a row too.
CREATE OR REPLACE FUNCTION refresh_atge_performance(user_ids uuid[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  refreshed integer;
BEGIN
  -- First the rows and their locks, always in the same order, then the calculation: it sees what a refresh that
  -- it had to wait for has seen, and the later one wins.
  INSERT INTO atge_performance_cache (user_id)
  SELECT DISTINCT user_id FROM unnest(user_ids) AS wanted (user_id) WHERE user_id IS NOT NULL ORDER BY user_id
  ON CONFLICT (user_id) DO NOTHING;
  PERFORM FROM atge_performance_cache WHERE user_id = ANY (user_ids) ORDER BY user_id FOR UPDATE;

  WITH settled AS MATERIALIZED (
    SELECT
      signal.user_id,
      signal.id,
      signal.status = 'completed_success' AS won,
      result.net_profit_loss AS net,
      result.profit_loss_percentage AS percent,
      snapshot.galaxy_score AS galaxy,
      row_number() OVER (PARTITION BY signal.user_id ORDER BY signal.completed_at, result.exit_at, signal.id) AS turn
    FROM trade_signals AS signal
    LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
    LEFT JOIN LATERAL (
      SELECT galaxy_score
      FROM trade_market_snapshot
      WHERE trade_signal_id = signal.id
      ORDER BY snapshot_at DESC, id
      LIMIT 1
    ) AS snapshot ON true
    WHERE signal.user_id = ANY (user_ids) AND signal.status IN ('completed_success', 'completed_failure')
  ),
  equity AS (
    SELECT user_id, turn, sum(net) OVER (PARTITION BY user_id ORDER BY turn) AS total FROM settled
  ),
  drawdown AS (
    SELECT user_id, max(peak - total) AS deepest
    FROM (
      SELECT user_id, total, greatest(0, max(total) OVER (PARTITION BY user_id ORDER BY turn)) AS peak FROM equity
    ) AS curve
    GROUP BY user_id
  ),
  best AS (
    SELECT DISTINCT ON (user_id) user_id, id, net FROM settled WHERE net IS NOT NULL ORDER BY user_id, net DESC, turn
  ),
  worst AS (
    SELECT DISTINCT ON (user_id) user_id, id, net FROM settled WHERE net IS NOT NULL ORDER BY user_id, net, turn
  ),
  paired AS (  -- trades that have both figures
    SELECT user_id, corr(galaxy::float8, percent::float8) AS correlation
    FROM settled
    WHERE galaxy IS NOT NULL AND percent IS NOT NULL
    GROUP BY user_id
    HAVING min(galaxy) < max(galaxy) AND min(percent) < max(percent)
  ),
  sums AS (
    SELECT
      user_id,
      count(*) AS total,
      count(*) FILTER (WHERE won) AS wins,
      count(*) FILTER (WHERE NOT won) AS losses,
      coalesce(sum(net), 0) AS net,
      coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
      coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
      avg(net) FILTER (WHERE won) AS average_win,
      avg(net) FILTER (WHERE NOT won) AS average_loss,
      avg(percent) / nullif(stddev_samp(percent), 0) AS sharpe,
      avg(galaxy) FILTER (WHERE won) AS galaxy_wins,
      avg(galaxy) FILTER (WHERE NOT won) AS galaxy_losses
    FROM settled
    GROUP BY user_id
  )
  UPDATE atge_performance_cache AS cache
  SET
    total_trades = coalesce(sums.total, 0),
    winning_trades = coalesce(sums.wins, 0),
    losing_trades = coalesce(sums.losses, 0),
    success_rate = 100.0 * sums.wins / sums.total,
    total_profit_loss = coalesce(sums.net, 0),
    total_profit = coalesce(sums.profit, 0),
    total_loss = coalesce(sums.loss, 0),
    average_win = sums.average_win,
    average_loss = sums.average_loss,
    best_trade_id = best.id,
    best_trade_profit = best.net,
    worst_trade_id = worst.id,
    worst_trade_loss = worst.net,
    sharpe_ratio = sums.sharpe,
    max_drawdown = coalesce(drawdown.deepest, 0),
    profit_factor = sums.profit / nullif(sums.loss, 0),
    win_loss_ratio = sums.wins::numeric / nullif(sums.losses, 0),
    avg_galaxy_score_wins = sums.galaxy_wins,
    avg_galaxy_score_losses = sums.galaxy_losses,
    social_correlation = paired.correlation,
    last_calculated_at = now()
  FROM (SELECT DISTINCT user_id FROM unnest(user_ids) AS wanted (user_id)) AS wanted
  LEFT JOIN sums USING (user_id)
  LEFT JOIN drawdown USING (user_id)
  LEFT JOIN best USING (user_id)
  LEFT JOIN worst USING (user_id)
  LEFT JOIN paired USING (user_id)
  WHERE cache.user_id = wanted.user_id;

  GET DIAGNOSTICS refreshed = ROW_COUNT;
  RETURN refreshed;
END;
$$;

COMMENT ON FUNCTION refresh_atge_performance IS
  'Recalculates the cached statistics of these users in one pass; answers how many';
