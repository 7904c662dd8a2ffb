-- The settled trades of a stretch of time, by user, symbol, timeframe, direction and model, as they are at this moment.
CREATE OR REPLACE FUNCTION measure_trade_stats(begins timestamptz, ends timestamptz) RETURNS TABLE (
  user_id uuid, symbol text, timeframe text, direction text, ai_model text, trades bigint, wins bigint, losses bigint,
  net numeric, profit numeric, loss numeric, fees numeric, slippage numeric
)
LANGUAGE sql STABLE AS $$
  SELECT
    user_id, symbol, timeframe, direction, ai_model,
    count(*) AS trades,
    count(*) FILTER (WHERE status = 'completed_success') AS wins,
    count(*) FILTER (WHERE status = 'completed_failure') AS losses,
    coalesce(sum(net_profit_loss), 0) AS net,
    coalesce(sum(net_profit_loss) FILTER (WHERE status = 'completed_success'), 0) AS profit,
    coalesce(-sum(net_profit_loss) FILTER (WHERE status = 'completed_failure'), 0) AS loss,
    coalesce(sum(fees_paid), 0) AS fees,
    coalesce(sum(slippage_cost), 0) AS slippage
  FROM trade_signals AS signal
  LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
  WHERE coalesce(completed_at, expires_at) >= begins
    AND coalesce(completed_at, expires_at) < ends
    AND status IN ('completed_success', 'completed_failure')
  GROUP BY user_id, symbol, timeframe, direction, ai_model
$$;

COMMENT ON FUNCTION measure_trade_stats IS
  'Settled trades of a stretch of time by user, symbol, timeframe, direction and model; see daily_trade_stats';
