-- Brings daily_trade_stats and daily_kpis of a day (UTC) to what its trades say, and answers with how many rows of
-- daily_trade_stats changed: 0 when all was so already. Of a day that was rolled up before, the rows of the users that
-- are noted in daily_stats_due are measured anew; of another, or of one that nothing is noted of, all. The caller's
-- transaction must be REPEATABLE READ, so that trades and cache are of one moment:
--   BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT roll_up_day('2026-03-02'); COMMIT;
-- Errors, after which nothing has changed: TU001, the day is not over; TU002, the daily rows of a user would not
-- add up to the cache, to the cent; 40001, another transaction was quicker: try again.
CREATE OR REPLACE FUNCTION roll_up_day(of_day date) RETURNS integer
LANGUAGE plpgsql
SET plan_cache_mode = force_custom_plan  -- one user and thousands want different plans
AS $$
DECLARE
  -- The first day that there is also takes what lies before it: trade_day.
  begins timestamptz := CASE of_day WHEN '0001-01-02' THEN '-infinity' ELSE of_day::timestamp AT TIME ZONE 'UTC' END;
  ends timestamptz := (of_day + 1)::timestamp AT TIME ZONE 'UTC';
  whole boolean;  -- anybody's rows may have changed
  noted uuid[];
  users uuid[];
  changed integer;
  wrong_users integer;
  worst text;
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION 'roll_up_day needs a transaction with ISOLATION LEVEL REPEATABLE READ';
  END IF;
  IF ends > now() THEN
    RAISE EXCEPTION '% is not over yet: a day can be rolled up from % UTC on', of_day, to_char(ends, 'YYYY-MM-DD HH24:MI')
      USING ERRCODE = 'TU001';
  END IF;

  WITH taken AS (
    DELETE FROM daily_stats_due WHERE day = of_day RETURNING user_ids
  )
  SELECT
    coalesce(bool_or(user_ids IS NULL), true) OR NOT EXISTS (SELECT FROM daily_kpis WHERE day = of_day),
    ARRAY(SELECT DISTINCT unnest(user_ids) FROM taken)
  FROM taken
  INTO whole, noted;

  WITH fresh AS MATERIALIZED (
    SELECT * FROM measure_trade_stats(begins, ends) WHERE whole OR user_id = ANY (noted)
  ),
  gone AS (
    DELETE FROM daily_trade_stats AS former
    WHERE day = of_day
      AND (whole OR user_id = ANY (noted))
      AND NOT EXISTS (
        SELECT
        FROM fresh
        WHERE fresh.user_id = former.user_id
          AND fresh.symbol = former.symbol
          AND fresh.timeframe = former.timeframe
          AND fresh.direction = former.direction
          AND fresh.ai_model IS NOT DISTINCT FROM former.ai_model
      )
    RETURNING user_id
  ),
  written AS (
    INSERT INTO daily_trade_stats AS former (
      day, user_id, symbol, timeframe, direction, ai_model, total_trades, winning_trades, losing_trades,
      total_profit_loss, total_profit, total_loss, fees_paid, slippage_cost
    )
    SELECT
      of_day, user_id, symbol, timeframe, direction, ai_model, trades, wins, losses, net, profit, loss, fees, slippage
    FROM fresh
    ON CONFLICT ON CONSTRAINT daily_trade_stats_key DO UPDATE SET
      total_trades = excluded.total_trades,
      winning_trades = excluded.winning_trades,
      losing_trades = excluded.losing_trades,
      total_profit_loss = excluded.total_profit_loss,
      total_profit = excluded.total_profit,
      total_loss = excluded.total_loss,
      fees_paid = excluded.fees_paid,
      slippage_cost = excluded.slippage_cost,
      calculated_at = excluded.calculated_at
    WHERE
      (former.total_trades, former.winning_trades, former.losing_trades, former.total_profit_loss,
       former.total_profit, former.total_loss, former.fees_paid, former.slippage_cost)
      IS DISTINCT FROM
      (excluded.total_trades, excluded.winning_trades, excluded.losing_trades, excluded.total_profit_loss,
       excluded.total_profit, excluded.total_loss, excluded.fees_paid, excluded.slippage_cost)
    RETURNING user_id
  )
  SELECT
    (SELECT array_agg(user_id) FROM (
      SELECT user_id FROM fresh UNION SELECT user_id FROM gone UNION SELECT unnest(noted)
    ) AS concerned),
    (SELECT count(*) FROM gone) + (SELECT count(*) FROM written)
  INTO users, changed;

  PERFORM roll_up_kpis(of_day);
  PERFORM roll_up_results(of_day, begins, ends);

  PERFORM refresh_atge_performance(ARRAY(
    SELECT user_id FROM performance_refreshes WHERE user_id = ANY (users)
    UNION
    SELECT user_id FROM unnest(users) AS concerned (user_id)
    WHERE NOT EXISTS (SELECT FROM performance_chunks AS chunk WHERE chunk.user_id = concerned.user_id)
  ));
  SELECT
    count(DISTINCT user_id),
    string_agg(
      format('%s of user %s is %s by the daily rows and %s in the cache', figure, user_id, rolled_up, cached), '; '
    ) FILTER (WHERE place <= 3)
  INTO wrong_users, worst
  FROM (
    SELECT *, row_number() OVER (ORDER BY abs(rolled_up - cached) DESC, user_id, figure) AS place
    FROM daily_stats_mismatches(users)
  ) AS mismatches;
  IF wrong_users > 0 THEN
    RAISE EXCEPTION 'The rollup of % does not agree with atge_performance_cache for % of % users, so it was not '
      'published: %', of_day, wrong_users, cardinality(users), worst
      USING ERRCODE = 'TU002';
  END IF;
  RETURN changed;
END;
$$;

COMMENT ON FUNCTION roll_up_day IS
  'Brings the daily rows and the KPIs of a day (UTC) up to date, if they agree with the cached statistics; answers '
  'how many daily rows changed';

COMMENT ON TABLE daily_trade_stats IS
  'Settled trades (completed_success: won, completed_failure: lost) of each day, user, symbol, timeframe, direction '
  'and model. The sums of a user over all days are those of atge_performance_cache.';
COMMENT ON COLUMN daily_trade_stats.day IS 'UTC; a trade belongs to the day of its completed_at';
COMMENT ON COLUMN daily_trade_stats.ai_model IS 'The model that proposed the trades; null: not known';
COMMENT ON COLUMN daily_trade_stats.total_trades IS 'winning_trades + losing_trades';
COMMENT ON COLUMN daily_trade_stats.winning_trades IS 'Trades with status completed_success';
COMMENT ON COLUMN daily_trade_stats.losing_trades IS 'Trades with status completed_failure';
COMMENT ON COLUMN daily_trade_stats.total_profit_loss IS 'Sum of net_profit_loss, US dollars';
COMMENT ON COLUMN daily_trade_stats.total_profit IS 'Sum of net_profit_loss over won trades';
COMMENT ON COLUMN daily_trade_stats.total_loss IS 'Sum of net_profit_loss over lost trades as a positive amount';
COMMENT ON COLUMN daily_trade_stats.fees_paid IS 'Sum of fees_paid, US dollars';
COMMENT ON COLUMN daily_trade_stats.slippage_cost IS 'Sum of slippage_cost, US dollars';
COMMENT ON COLUMN daily_trade_stats.calculated_at IS 'When the row was written or changed last';
