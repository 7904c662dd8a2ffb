-- Trades that were won or lost, by day (UTC) from a day on: as they were rolled up, and since then (yesterday and today
-- at most) as they are now.
WITH rolled_up AS (
  SELECT coalesce(max(day), :first - 1) AS last FROM daily_kpis WHERE day < (now() AT TIME ZONE 'UTC')::date
)
SELECT day, trades::bigint, wins::bigint, net
FROM platform_trade_stats, rolled_up
WHERE grouped = 15 AND day BETWEEN :first AND last
UNION ALL
SELECT day::date, sum(trades)::bigint, sum(wins)::bigint, sum(net)
FROM rolled_up
CROSS JOIN generate_series(
  greatest(last + 1, (now() AT TIME ZONE 'UTC')::date - 1), (now() AT TIME ZONE 'UTC')::date, interval '1 day'
) AS day
CROSS JOIN measure_trade_stats(day AT TIME ZONE 'UTC', (day + interval '1 day') AT TIME ZONE 'UTC')
GROUP BY day
