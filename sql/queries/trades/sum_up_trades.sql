-- The newest :most trades of a user, or those that ended since a moment, summed up by day, symbol, timeframe, direction and
-- model, in the shape of read_daily_results. include/trades/outcomes.py fills the braces.
WITH newest AS (
  {newest}
), chosen AS MATERIALIZED (
  SELECT trade_outcomes.*
  FROM newest
  JOIN trade_outcomes USING (id)
  WHERE day BETWEEN :first AND :last
    AND (CAST(:grouped AS integer) & 8 > 0 OR symbol = :symbol)
    AND (CAST(:grouped AS integer) & 4 > 0 OR timeframe = :timeframe)
    AND (CAST(:grouped AS integer) & 2 > 0 OR direction = :direction)
    AND (CAST(:grouped AS integer) & 1 > 0 OR ai_model = :model)
), summed AS (
  SELECT
    grouping(day, symbol, timeframe, direction, ai_model) AS others,
    day, symbol, timeframe, direction, ai_model,
    count(*) AS trades,
    count(*) FILTER (WHERE won) AS wins,
    coalesce(sum(net), 0) AS net,
    coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
    coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
    coalesce(sum(fees), 0) AS fees,
    count(percent) AS percents,
    coalesce(sum(percent), 0) AS percent,
    (array_agg(id ORDER BY net DESC, ended_at, exit_at, id) FILTER (WHERE net IS NOT NULL AND day IS NOT NULL))[1]
      AS best_id,
    max(net) AS best,
    (array_agg(id ORDER BY net, ended_at, exit_at, id) FILTER (WHERE net IS NOT NULL AND day IS NOT NULL))[1]
      AS worst_id,
    min(net) AS worst,
    array_agg(r_bin) AS r_bins,
    array_agg(confidence_bin) AS confidence_bins,
    array_agg(confidence_bin) FILTER (WHERE won) AS won_bins
  FROM chosen
  GROUP BY GROUPING SETS ((day), (symbol), (timeframe), (direction), (ai_model))
)
SELECT  -- `others`: a bit for each column that a row is not grouped by
  CASE others WHEN 15 THEN 'day' WHEN 23 THEN 'symbol' WHEN 27 THEN 'timeframe' WHEN 29 THEN 'direction' ELSE 'model' END
    AS kind,
  CASE others WHEN 15 THEN day::text WHEN 23 THEN symbol WHEN 27 THEN timeframe WHEN 29 THEN direction ELSE ai_model END
    AS name,
  trades, wins, net, profit, loss, fees, percents, percent, best_id, best, worst_id, worst,
  CASE WHEN others = 15 THEN count_bins(r_bins, 0, 33) END AS r_counts,
  CASE WHEN others = 15 THEN count_bins(confidence_bins, 1, 10) END AS confident,
  CASE WHEN others = 15 THEN count_bins(won_bins, 1, 10) END AS confident_wins
FROM summed
UNION ALL
SELECT 'newest', '', count(*), 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM newest
