-- Brings platform_trade_stats of a day to what its trades say, all users together; called by roll_up_day, whose bounds of
-- the day these are. A row that is so already stays as it is.
CREATE OR REPLACE FUNCTION roll_up_results(of_day date, begins timestamptz, ends timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  WITH fresh AS MATERIALIZED (
    SELECT
      grouping(symbol, timeframe, direction, ai_model)::smallint AS grouped,
      coalesce(symbol, '') AS symbol,
      coalesce(timeframe, '') AS timeframe,
      coalesce(direction, '') AS direction,
      coalesce(ai_model, '') AS ai_model,
      of_day AS day,
      count(*)::integer AS trades,
      (count(*) FILTER (WHERE won))::integer AS wins,
      coalesce(sum(net), 0) AS net,
      coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
      coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
      coalesce(sum(fees), 0) AS fees,
      count(percent)::integer AS percents,
      coalesce(sum(percent), 0) AS percent,
      (array_agg(id ORDER BY net DESC, ended_at, exit_at, id) FILTER (WHERE is_amount))[1] AS best_id,
      max(net) FILTER (WHERE is_amount) AS best,
      (array_agg(id ORDER BY net, ended_at, exit_at, id) FILTER (WHERE is_amount))[1] AS worst_id,
      min(net) FILTER (WHERE is_amount) AS worst,
      count_bins(array_agg(r_bin), 0, 33) AS r_counts,
      count_bins(array_agg(confidence_bin), 1, 10) AS confident,
      count_bins(array_agg(confidence_bin) FILTER (WHERE won), 1, 10) AS confident_wins
    FROM trade_outcomes
    CROSS JOIN LATERAL (SELECT net > '-Infinity' AND net < 'Infinity' AS is_amount) AS judged  -- NaN is above infinity
    WHERE ended_at >= begins AND ended_at < ends
    GROUP BY CUBE (symbol, timeframe, direction, ai_model)
    HAVING count(*) > 0
  ), gone AS (
    DELETE FROM platform_trade_stats AS former
    WHERE day = of_day
      AND NOT EXISTS (
        SELECT
        FROM fresh
        WHERE fresh.grouped = former.grouped AND fresh.symbol = former.symbol AND fresh.timeframe = former.timeframe
          AND fresh.direction = former.direction AND fresh.ai_model = former.ai_model
      )
  )
  INSERT INTO platform_trade_stats AS former
  SELECT * FROM fresh
  ON CONFLICT (grouped, symbol, timeframe, direction, ai_model, day) DO UPDATE SET
    trades = excluded.trades, wins = excluded.wins, net = excluded.net, profit = excluded.profit,
    loss = excluded.loss, fees = excluded.fees, percents = excluded.percents, percent = excluded.percent,
    best_id = excluded.best_id, best = excluded.best, worst_id = excluded.worst_id, worst = excluded.worst,
    r_counts = excluded.r_counts, confident = excluded.confident, confident_wins = excluded.confident_wins
  WHERE former IS DISTINCT FROM excluded;
END;
$$;

COMMENT ON FUNCTION roll_up_results IS 'Brings platform_trade_stats of a day up to date; called by roll_up_day';

COMMENT ON TABLE platform_trade_stats IS
  'The trades of each day (UTC), all users together, for every choice of symbol, timeframe, direction and model: for '
  'all of them, for one, for two of them, and so on';
COMMENT ON COLUMN platform_trade_stats.grouped IS
  'What is not chosen, and empty in the row: 8 symbol + 4 timeframe + 2 direction + 1 ai_model';
COMMENT ON COLUMN platform_trade_stats.ai_model IS 'Empty: not chosen, or, by grouped, a model that is not known';
COMMENT ON COLUMN platform_trade_stats.day IS 'UTC; a trade belongs to the day of its completed_at';
COMMENT ON COLUMN platform_trade_stats.percents IS 'Trades whose profit_loss_percentage is known, and percent is their sum';
COMMENT ON COLUMN platform_trade_stats.r_counts IS
  'Trades by R, the net result as a multiple of what the stop would have lost: below -2, quarters from -2 to 6, above';
COMMENT ON COLUMN platform_trade_stats.confident IS 'Trades by confidence_score, in tens; confident_wins: those won';
