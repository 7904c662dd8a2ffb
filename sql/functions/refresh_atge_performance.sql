-- Brings the rows of atge_performance_cache of a set of users up to date; answers how many. What was noted of their
-- trades is followed first (update_performance_state); `anew` reads all of them. The comments on the columns, below, are
-- the definitions. A user without settled trades gets a row too. It runs with its owner's rights, since whoever may
-- have a row recalculated may not write what it is calculated from.
CREATE OR REPLACE FUNCTION refresh_atge_performance(user_ids uuid[], anew boolean DEFAULT false) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET plan_cache_mode = force_custom_plan  -- one user and thousands want different plans
AS $$
DECLARE
  refreshed integer;
BEGIN
  -- First the rows and their locks, always in the same order, then the calculation: it sees what a refresh that
  -- it had to wait for has seen, and the later one wins.
  INSERT INTO atge_performance_cache (user_id)
  SELECT DISTINCT user_id
  FROM unnest(user_ids) AS wanted (user_id)
  WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT user_id FROM atge_performance_cache WHERE user_id = ANY (user_ids))
  ORDER BY user_id
  ON CONFLICT (user_id) DO NOTHING;
  PERFORM FROM atge_performance_cache WHERE user_id = ANY (user_ids) ORDER BY user_id FOR UPDATE;
  PERFORM update_performance_state(user_ids, anew);

  WITH merged AS MATERIALIZED (
    SELECT user_id, merge_performance(array_agg(part ORDER BY from_at, from_exit, from_id)) AS part
    FROM performance_nodes
    WHERE user_id = ANY (user_ids)
    GROUP BY user_id
  ),
  sums AS (
    SELECT
      user_id,
      (part).*,
      (part).trades - (part).wins AS losses,
      -(part).lost AS loss,
      -- days without a trade count as 0: they add to the number of days and to no sum
      ((part).last_day - (part).first_day + 1)::numeric AS days,
      (part).day_square + (part).first_percent * (part).first_percent
        + CASE WHEN (part).first_day < (part).last_day THEN (part).last_percent * (part).last_percent ELSE 0 END
        AS squares,
      -- n * n * the variance of a population, exactly: 0 if all are alike, and NaN (which is > 0) beside what is no number
      (part).percents * (part).percent_square - (part).percent * (part).percent AS percent_spread,
      (part).pairs * (part).score_square - (part).pair_score * (part).pair_score AS score_spread,
      (part).pairs * (part).paired_square - (part).pair_percent * (part).pair_percent AS paired_spread,
      (part).pairs * (part).product - (part).pair_score * (part).pair_percent AS joint_spread
    FROM merged
  ),
  spreads AS (
    SELECT
      *,
      CASE WHEN percents > 1 AND percent_spread > 0 THEN percent_spread / (percents * (percents - 1)) END AS variance,
      CASE
        WHEN score_spread > 0 AND paired_spread > 0 THEN joint_spread / sqrt(score_spread * paired_spread)
      END AS correlation
    FROM sums
  )
  UPDATE atge_performance_cache AS cache
  SET
    total_trades = coalesce(spreads.trades, 0),
    winning_trades = coalesce(wins, 0),
    losing_trades = coalesce(losses, 0),
    success_rate = 100.0 * wins / spreads.trades,
    total_profit_loss = coalesce(net, 0),
    total_profit = coalesce(profit, 0),
    total_loss = coalesce(loss, 0),
    average_win = profit / nullif(paid_wins, 0),
    average_loss = lost / nullif(paid_losses, 0),
    best_trade_id = best_id,
    best_trade_profit = best,
    worst_trade_id = worst_id,
    worst_trade_loss = worst,
    sharpe_ratio = percent / nullif(percents, 0) / CASE
      WHEN variance = 'NaN' THEN variance
      -- the digits of stddev_samp(): as many as the variance has
      ELSE round(sqrt(round(variance, scale(variance) + 8)), scale(variance))
    END,
    sharpe_ratio_annualised = CASE
      -- mean / sample standard deviation = percents / sqrt(days * (days * squares - percents^2) / (days - 1))
      WHEN days > 1 AND days * squares > day_percent * day_percent
      THEN day_percent / sqrt(days * (days * squares - day_percent * day_percent) / (days - 1)) * sqrt(365.0)
    END,
    max_drawdown = coalesce(drawdown, 0),
    profit_factor = profit / nullif(loss, 0),
    win_loss_ratio = wins::numeric / nullif(losses, 0),
    avg_galaxy_score_wins = win_scores / nullif(scored_wins, 0),
    avg_galaxy_score_losses = loss_scores / nullif(scored_losses, 0),
    social_correlation = CASE  -- to the 15 digits of a double
      WHEN correlation <> 'NaN' THEN round(least(greatest(correlation, -1), 1), 300)::float8
      ELSE correlation
    END,
    last_calculated_at = now()
  FROM (SELECT DISTINCT user_id FROM unnest(user_ids) AS wanted (user_id)) AS wanted
  LEFT JOIN spreads USING (user_id)
  WHERE cache.user_id = wanted.user_id;

  GET DIAGNOSTICS refreshed = ROW_COUNT;
  RETURN refreshed;
END;
$$;

COMMENT ON FUNCTION refresh_atge_performance IS
  'Brings the cached statistics of these users up to date with what has changed; answers how many';

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
