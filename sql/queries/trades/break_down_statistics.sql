-- A user's settled trades by symbol, timeframe, direction and model, and the equity curve by day (UTC), as one JSON
-- object: in one pass. Sums are those of atge_performance_cache. A day without a trade has no point, for nothing happened
-- on it. include/trades/statistics.py fills the braces.
WITH settled AS (
  SELECT
    signal.symbol, signal.timeframe, signal.direction, signal.ai_model,
    trade_day(signal.completed_at, signal.expires_at) AS day,
    signal.status = 'completed_success' AS won,
    result.net_profit_loss AS net
  FROM trade_signals AS signal
  LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
  WHERE signal.user_id = CAST(:user AS uuid) AND signal.status IN ('completed_success', 'completed_failure')
), counted AS (
  SELECT
    grouping(symbol, timeframe, direction, ai_model, day) AS others,
    symbol, timeframe, direction, ai_model, day,
    count(*) AS total_trades,
    count(*) FILTER (WHERE won) AS winning_trades,
    count(*) FILTER (WHERE NOT won) AS losing_trades,
    coalesce(sum(net), 0) AS total_profit_loss,
    avg(net) AS average_profit_loss
  FROM settled
  GROUP BY GROUPING SETS ((symbol), (timeframe), (direction), (ai_model), (day))
), grouped AS (
  SELECT
    *,
    100.0 * winning_trades / total_trades AS success_rate,
    total_profit_loss AS profit_loss,
    CASE others WHEN 30 THEN sum(total_profit_loss) OVER (PARTITION BY others ORDER BY day) END AS equity
  FROM counted
)
SELECT json_build_object(  -- `others`: a bit for each column that a row is not grouped by
  'bySymbol', (SELECT coalesce(json_agg({symbol} ORDER BY symbol), '[]') FROM grouped WHERE others = 15),
  'byTimeframe', (SELECT coalesce(json_agg({timeframe} ORDER BY timeframe), '[]') FROM grouped WHERE others = 23),
  'byDirection', (SELECT coalesce(json_agg({direction} ORDER BY direction), '[]') FROM grouped WHERE others = 27),
  'byModel', (SELECT coalesce(json_agg({model} ORDER BY ai_model), '[]') FROM grouped WHERE others = 29),
  'equityCurve', (SELECT coalesce(json_agg({day} ORDER BY day), '[]') FROM grouped WHERE others = 30)
)::text
