-- Recalculates the rows of atge_performance_cache for a set of users in one pass; answers how many.
-- The comments on the columns, below, are the definitions. A user without settled trades gets a row too.
CREATE OR REPLACE FUNCTION refresh_atge_performance(user_ids uuid[]) RETURNS integer
LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan  -- one user and thousands want different plans
AS $$
DECLARE
  refreshed integer;
BEGIN
  -- First the rows and their locks, always in the same order, then the calculation: it sees what a refresh that
  -- it had to wait for has seen, and the later one wins.
  INSERT INTO atge_performance_cache (user_id)
  SELECT DISTINCT user_id FROM unnest(user_ids) AS wanted (user_id) WHERE user_id IS NOT NULL ORDER BY user_id
  ON CONFLICT (user_id) DO NOTHING;
  PERFORM FROM atge_performance_cache WHERE user_id = ANY (user_ids) ORDER BY user_id FOR UPDATE;

  WITH settled AS (
    SELECT
      signal.user_id,
      signal.id,
      signal.status = 'completed_success' AS won,
      result.net_profit_loss AS net,
      result.profit_loss_percentage AS percent,
      snapshot.galaxy_score AS galaxy,
      coalesce(signal.completed_at, signal.expires_at) AS ended_at,
      result.exit_at,
      trade_day(signal.completed_at, signal.expires_at) AS day
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
    SELECT
      *,
      row_number() OVER in_order AS turn,
      sum(net) OVER in_order AS total,
      max(net) OVER (PARTITION BY user_id) AS highest,
      min(net) OVER (PARTITION BY user_id) AS lowest
    FROM settled
    WINDOW in_order AS (PARTITION BY user_id ORDER BY ended_at, exit_at, id ROWS UNBOUNDED PRECEDING)
  ),
  curve AS (
    SELECT *, greatest(0, max(total) OVER in_order) AS peak
    FROM equity
    WINDOW in_order AS (PARTITION BY user_id ORDER BY ended_at, exit_at, id ROWS UNBOUNDED PRECEDING)
  ),
  sums AS (
    SELECT
      user_id,
      count(*) AS trades,
      count(*) FILTER (WHERE won) AS wins,
      count(*) FILTER (WHERE NOT won) AS losses,
      coalesce(sum(net), 0) AS net,
      coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
      coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
      avg(net) FILTER (WHERE won) AS average_win,
      avg(net) FILTER (WHERE NOT won) AS average_loss,
      (array_agg(id ORDER BY turn) FILTER (WHERE net = highest))[1] AS best_id,
      max(net) AS highest,
      (array_agg(id ORDER BY turn) FILTER (WHERE net = lowest))[1] AS worst_id,
      min(net) AS lowest,
      avg(percent) / nullif(stddev_samp(percent), 0) AS sharpe,
      coalesce(max(peak - total), 0) AS drawdown,
      avg(galaxy) FILTER (WHERE won) AS galaxy_wins,
      avg(galaxy) FILTER (WHERE NOT won) AS galaxy_losses,
      CASE  -- corr() of equal figures answers with rounding errors
        WHEN min(galaxy) FILTER (WHERE percent IS NOT NULL) < max(galaxy) FILTER (WHERE percent IS NOT NULL)
          AND min(percent) FILTER (WHERE galaxy IS NOT NULL) < max(percent) FILTER (WHERE galaxy IS NOT NULL)
        THEN corr(engine_number(galaxy), engine_number(percent))
      END AS correlation
    FROM curve
    GROUP BY user_id
  ),
  spread AS (  -- days without a trade count as 0: they add to the number of days and to no sum
    SELECT
      user_id,
      (max(day) - min(day) + 1)::numeric AS days,
      sum(percent) AS percents,
      sum(percent * percent) AS squares
    FROM (
      SELECT user_id, day, sum(percent) AS percent
      FROM settled
      WHERE percent IS NOT NULL
        AND day > '0001-01-02' AND day < '9999-12-30'  -- of no day that there was: thousands of years would count as 0
      GROUP BY user_id, day
    ) AS daily
    GROUP BY user_id
  ),
  annual AS (  -- mean / sample standard deviation = percents / sqrt(days * (days * squares - percents^2) / (days - 1))
    SELECT
      user_id,
      percents / sqrt(days * (days * squares - percents * percents) / (days - 1)) * sqrt(365.0) AS sharpe
    FROM spread
    WHERE days > 1 AND days * squares > percents * percents
  )
  UPDATE atge_performance_cache AS cache
  SET
    total_trades = coalesce(sums.trades, 0),
    winning_trades = coalesce(sums.wins, 0),
    losing_trades = coalesce(sums.losses, 0),
    success_rate = 100.0 * sums.wins / sums.trades,
    total_profit_loss = coalesce(sums.net, 0),
    total_profit = coalesce(sums.profit, 0),
    total_loss = coalesce(sums.loss, 0),
    average_win = sums.average_win,
    average_loss = sums.average_loss,
    best_trade_id = sums.best_id,
    best_trade_profit = sums.highest,
    worst_trade_id = sums.worst_id,
    worst_trade_loss = sums.lowest,
    sharpe_ratio = sums.sharpe,
    sharpe_ratio_annualised = annual.sharpe,
    max_drawdown = coalesce(sums.drawdown, 0),
    profit_factor = sums.profit / nullif(sums.loss, 0),
    win_loss_ratio = sums.wins::numeric / nullif(sums.losses, 0),
    avg_galaxy_score_wins = sums.galaxy_wins,
    avg_galaxy_score_losses = sums.galaxy_losses,
    social_correlation = sums.correlation,
    last_calculated_at = now()
  FROM (SELECT DISTINCT user_id FROM unnest(user_ids) AS wanted (user_id)) AS wanted
  LEFT JOIN sums USING (user_id)
  LEFT JOIN annual USING (user_id)
  WHERE cache.user_id = wanted.user_id;

  GET DIAGNOSTICS refreshed = ROW_COUNT;
  RETURN refreshed;
END;
$$;

COMMENT ON FUNCTION refresh_atge_performance IS
  'Recalculates the cached statistics of these users in one pass; answers how many';

-- What each figure is, for everybody; docs/statistics.md repeats it, and a test compares the two.
COMMENT ON TABLE atge_performance_cache IS
  'Statistics of each user over the trades with status completed_success (won) and completed_failure (lost); '
  'written by refresh_atge_performance. Sums and counts over nothing are 0, averages and ratios null.';
COMMENT ON COLUMN atge_performance_cache.user_id IS 'Whose trades these are';
COMMENT ON COLUMN atge_performance_cache.total_trades IS 'winning_trades + losing_trades';
COMMENT ON COLUMN atge_performance_cache.winning_trades IS 'Trades with status completed_success: net_profit_loss > 0';
COMMENT ON COLUMN atge_performance_cache.losing_trades IS 'Trades with status completed_failure: net_profit_loss <= 0';
COMMENT ON COLUMN atge_performance_cache.success_rate IS '100 * winning_trades / total_trades; null without a trade';
COMMENT ON COLUMN atge_performance_cache.total_profit_loss IS 'Sum of net_profit_loss, US dollars';
COMMENT ON COLUMN atge_performance_cache.total_profit IS 'Sum of net_profit_loss over won trades';
COMMENT ON COLUMN atge_performance_cache.total_loss IS 'Sum of net_profit_loss over lost trades as a positive amount';
COMMENT ON COLUMN atge_performance_cache.average_win IS
  'Mean net_profit_loss of won trades; null without a won trade';
COMMENT ON COLUMN atge_performance_cache.average_loss IS
  'Mean net_profit_loss of lost trades: negative or 0; null without a lost trade';
COMMENT ON COLUMN atge_performance_cache.best_trade_id IS
  'The trade with best_trade_profit; the first completed of several';
COMMENT ON COLUMN atge_performance_cache.best_trade_profit IS 'Highest net_profit_loss, of either sign';
COMMENT ON COLUMN atge_performance_cache.worst_trade_id IS
  'The trade with worst_trade_loss; the first completed of several';
COMMENT ON COLUMN atge_performance_cache.worst_trade_loss IS 'Lowest net_profit_loss, of either sign';
COMMENT ON COLUMN atge_performance_cache.sharpe_ratio IS
  'Per trade, not annualised, without a risk-free rate: mean / sample standard deviation of '
  'profit_loss_percentage; null below two trades or without variation';
COMMENT ON COLUMN atge_performance_cache.sharpe_ratio_annualised IS
  'Of daily results, annualised, without a risk-free rate: mean / sample standard deviation of the daily sums of '
  'profit_loss_percentage, times the square root of 365; every day (UTC) from the first to the last completion '
  'counts, one without a trade as 0; trades completed at no time of the calendar are left out; null below two days '
  'or without variation';
COMMENT ON COLUMN atge_performance_cache.max_drawdown IS
  'US dollars, 0 or more: the deepest fall of the cumulative net_profit_loss, in order of completed_at, '
  'below its highest point so far, which starts at 0';
COMMENT ON COLUMN atge_performance_cache.profit_factor IS 'total_profit / total_loss; null without a loss';
COMMENT ON COLUMN atge_performance_cache.win_loss_ratio IS 'winning_trades / losing_trades; null without a lost trade';
COMMENT ON COLUMN atge_performance_cache.avg_galaxy_score_wins IS
  'Mean galaxy_score, from the newest snapshot of each trade, of won trades that have one; null without any';
COMMENT ON COLUMN atge_performance_cache.avg_galaxy_score_losses IS
  'Mean galaxy_score, from the newest snapshot of each trade, of lost trades that have one; null without any';
COMMENT ON COLUMN atge_performance_cache.social_correlation IS
  'Pearson correlation of galaxy_score and profit_loss_percentage; null below two pairs or without variation';
COMMENT ON COLUMN atge_performance_cache.last_calculated_at IS 'When the row was calculated last';
COMMENT ON COLUMN atge_performance_cache.created_at IS 'When the row was calculated first';
COMMENT ON COLUMN atge_performance_cache.updated_at IS 'When the row changed last';
