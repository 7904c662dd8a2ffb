-- The newest :most trades of a user, or those that ended since a moment, summed up by day, symbol, timeframe, direction and
-- model, by bin of R and of confidence; the best and the worst of them. include/trades/outcomes.py fills the braces.
WITH newest AS MATERIALIZED (
  {newest}
), chosen AS MATERIALIZED (
  SELECT trade.*
  FROM newest
  CROSS JOIN LATERAL (  -- one by one, by the index: nothing that is not among the newest is read
    SELECT * FROM trade_outcomes WHERE trade_outcomes.id = newest.id OFFSET 0
  ) AS trade
  WHERE day BETWEEN :first AND :last
    AND (CAST(:grouped AS integer) & 8 > 0 OR symbol = :symbol)
    AND (CAST(:grouped AS integer) & 4 > 0 OR timeframe = :timeframe)
    AND (CAST(:grouped AS integer) & 2 > 0 OR direction = :direction)
    AND (CAST(:grouped AS integer) & 1 > 0 OR ai_model = :model)
), summed AS (
  SELECT
    grouping(day, symbol, timeframe, direction, ai_model, r_bin, confidence_bin) AS others,
    day, symbol, timeframe, direction, ai_model, r_bin, confidence_bin,
    count(*) AS trades,
    count(*) FILTER (WHERE won) AS wins,
    coalesce(sum(net), 0) AS net,
    coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
    coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
    coalesce(sum(fees), 0) AS fees,
    count(percent) AS percents,
    coalesce(sum(percent), 0) AS percent
  FROM chosen
  GROUP BY GROUPING SETS ((day), (symbol), (timeframe), (direction), (ai_model), (r_bin), (confidence_bin))
)
SELECT  -- `others`: a bit for each column that a row is not grouped by
  CASE others WHEN 63 THEN 'day' WHEN 95 THEN 'symbol' WHEN 111 THEN 'timeframe' WHEN 119 THEN 'direction'
    WHEN 123 THEN 'model' WHEN 125 THEN 'r' ELSE 'confidence' END AS kind,
  CASE others WHEN 63 THEN day::text WHEN 95 THEN symbol WHEN 111 THEN timeframe WHEN 119 THEN direction
    WHEN 123 THEN ai_model WHEN 125 THEN r_bin::text ELSE confidence_bin::text END AS name,
  trades, wins, net, profit, loss, fees, percents, percent,
  CAST(NULL AS uuid) AS best_id, CAST(NULL AS numeric) AS best, CAST(NULL AS uuid) AS worst_id,
  CAST(NULL AS numeric) AS worst, NULL AS r_counts, NULL AS confident, NULL AS confident_wins
FROM summed
UNION ALL
(SELECT 'best', '', 0, 0, 0, 0, 0, 0, 0, 0, id, net, NULL, NULL, NULL, NULL, NULL
FROM chosen
WHERE net > '-Infinity' AND net < 'Infinity'  -- NaN is above infinity
ORDER BY net DESC, ended_at, exit_at, id
LIMIT 1)
UNION ALL
(SELECT 'best', '', 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, id, net, NULL, NULL, NULL
FROM chosen
WHERE net > '-Infinity' AND net < 'Infinity'  -- NaN is above infinity
ORDER BY net, ended_at, exit_at, id
LIMIT 1)
UNION ALL
SELECT 'newest', '', count(*), 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM newest
