-- The days of a choice of trades of all users, as roll_up_day keeps them: a row a day.
SELECT
  'day' AS kind, day::text AS name, trades, wins, net, profit, loss, fees, percents, percent, best_id, best, worst_id, worst,
  r_counts, confident, confident_wins
FROM platform_trade_stats
WHERE grouped = :grouped AND symbol = :symbol AND timeframe = :timeframe AND direction = :direction
  AND ai_model = :model AND day BETWEEN :first AND :last
-- The same trades by symbol, timeframe, direction and model, each of them by the index. What is chosen has one row.
UNION ALL
SELECT
  'symbol', symbol, sum(trades), sum(wins), sum(net), sum(profit), sum(loss), sum(fees), sum(percents), sum(percent),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM platform_trade_stats
WHERE grouped = CAST(:grouped AS integer) & ~8 AND day BETWEEN :first AND :last
  AND (CAST(:grouped AS integer) & 8 > 0 OR symbol = :symbol) AND timeframe = :timeframe
  AND direction = :direction AND ai_model = :model
GROUP BY symbol
UNION ALL
SELECT
  'timeframe', timeframe, sum(trades), sum(wins), sum(net), sum(profit), sum(loss), sum(fees), sum(percents), sum(percent),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM platform_trade_stats
WHERE grouped = CAST(:grouped AS integer) & ~4 AND day BETWEEN :first AND :last
  AND symbol = :symbol AND (CAST(:grouped AS integer) & 4 > 0 OR timeframe = :timeframe)
  AND direction = :direction AND ai_model = :model
GROUP BY timeframe
UNION ALL
SELECT
  'direction', direction, sum(trades), sum(wins), sum(net), sum(profit), sum(loss), sum(fees), sum(percents), sum(percent),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM platform_trade_stats
WHERE grouped = CAST(:grouped AS integer) & ~2 AND day BETWEEN :first AND :last
  AND symbol = :symbol AND timeframe = :timeframe
  AND (CAST(:grouped AS integer) & 2 > 0 OR direction = :direction) AND ai_model = :model
GROUP BY direction
UNION ALL
SELECT
  'model', ai_model, sum(trades), sum(wins), sum(net), sum(profit), sum(loss), sum(fees), sum(percents), sum(percent),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM platform_trade_stats
WHERE grouped = CAST(:grouped AS integer) & ~1 AND day BETWEEN :first AND :last
  AND symbol = :symbol AND timeframe = :timeframe
  AND direction = :direction AND (CAST(:grouped AS integer) & 1 > 0 OR ai_model = :model)
GROUP BY ai_model
