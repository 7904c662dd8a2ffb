-- daily_trade_stats, and besides what was settled today (UTC), measured when the view is read and unfinished.
CREATE OR REPLACE VIEW vw_daily_trade_stats WITH (security_invoker = true) AS
SELECT
  day, user_id, symbol, timeframe, direction, ai_model, total_trades, winning_trades, losing_trades, total_profit_loss,
  total_profit, total_loss, fees_paid, slippage_cost, false AS unfinished
FROM daily_trade_stats
UNION ALL
SELECT
  (now() AT TIME ZONE 'UTC')::date, user_id, symbol, timeframe, direction, ai_model, trades::integer, wins::integer,
  losses::integer, net, profit, loss, fees, slippage, true
FROM measure_trade_stats(
  date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
  (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'
);

COMMENT ON VIEW vw_daily_trade_stats IS
  'Settled trades of each day (UTC), user, symbol, timeframe, direction and model; those of today are unfinished';
