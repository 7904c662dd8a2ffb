-- The days of a choice of trades of all users, as roll_up_day keeps them: a row a day.
SELECT
  'day' AS kind, day::text AS name, trades, wins, net, profit, loss, fees, percents, percent, best_id, best, worst_id, worst,
  r_counts, confident, confident_wins
FROM platform_trade_stats
WHERE grouped = :grouped AND symbol = :symbol AND timeframe = :timeframe AND direction = :direction
  AND ai_model = :model AND day BETWEEN :first AND :last
UNION ALL
-- The same trades by symbol, timeframe, direction and model. What is chosen has one row.
SELECT
  kind, name, sum(trades), sum(wins), sum(net), sum(profit), sum(loss), sum(fees), sum(percents), sum(percent),
  NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (VALUES ('symbol', 8), ('timeframe', 4), ('direction', 2), ('model', 1)) AS part (kind, bit)
JOIN platform_trade_stats AS kept
  ON kept.grouped = CAST(:grouped AS integer) & ~part.bit
  AND (kind = 'symbol' OR symbol = :symbol) AND (kind = 'timeframe' OR timeframe = :timeframe)
  AND (kind = 'direction' OR direction = :direction) AND (kind = 'model' OR ai_model = :model)
CROSS JOIN LATERAL (
  SELECT CASE kind WHEN 'symbol' THEN symbol WHEN 'timeframe' THEN timeframe WHEN 'direction' THEN direction
    ELSE ai_model END AS name
) AS named
WHERE day BETWEEN :first AND :last
  AND (kind <> 'symbol' OR CAST(:grouped AS integer) & 8 > 0 OR symbol = :symbol)
  AND (kind <> 'timeframe' OR CAST(:grouped AS integer) & 4 > 0 OR timeframe = :timeframe)
  AND (kind <> 'direction' OR CAST(:grouped AS integer) & 2 > 0 OR direction = :direction)
  AND (kind <> 'model' OR CAST(:grouped AS integer) & 1 > 0 OR ai_model = :model)
GROUP BY kind, name
