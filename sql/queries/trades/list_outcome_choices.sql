-- What the filters of the page on performance offer: the users with most trades, and every symbol, timeframe and model
-- that a day was rolled up with, or that the newest trades have.
WITH recent AS MATERIALIZED (
  SELECT symbol, timeframe, direction, coalesce(ai_model, '') AS ai_model
  FROM trade_signals
  ORDER BY generated_at DESC, id DESC
  LIMIT 1000
)
SELECT kind, name, trades
FROM (
  (SELECT 'user' AS kind, user_id::text AS name, total_trades AS trades
  FROM atge_performance_cache
  ORDER BY total_trades DESC, user_id
  LIMIT :users)
  UNION
  SELECT 'symbol', symbol, NULL FROM platform_trade_stats WHERE grouped = 7
  UNION
  SELECT 'timeframe', timeframe, NULL FROM platform_trade_stats WHERE grouped = 11
  UNION
  SELECT 'model', ai_model, NULL FROM platform_trade_stats WHERE grouped = 14
  UNION
  SELECT named.kind, named.name, NULL
  FROM recent
  CROSS JOIN LATERAL (
    VALUES ('symbol', symbol), ('timeframe', timeframe), ('model', ai_model)
  ) AS named (kind, name)
) AS offered
ORDER BY kind, trades DESC NULLS LAST, name
