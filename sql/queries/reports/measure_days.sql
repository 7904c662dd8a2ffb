-- What the kept KPIs of its days say of each period, in the order of :starts: rolled-up days, trades, uptime, errors among
-- operations. Uptime is weighted by how much of each day somebody looked at.
SELECT
  period.ends - period.starts AS days,
  count(kpi.day) AS known_days,
  count(due.day) AS changed_days,
  sum(kpi.trades_settled)::bigint AS settled,
  sum(kpi.trades_won)::bigint AS won,
  sum(kpi.trades_lost)::bigint AS lost,
  sum(kpi.trades_not_entered)::bigint AS not_entered,
  sum(kpi.trades_incomplete)::bigint AS incomplete,
  sum(kpi.operations)::bigint AS operations,
  sum(kpi.errors)::bigint AS failed_operations,
  sum(kpi.uptime * kpi.uptime_looked_at) / nullif(sum(kpi.uptime_looked_at) FILTER (WHERE kpi.uptime IS NOT NULL), 0) AS uptime,
  sum(kpi.uptime_looked_at) / nullif(count(kpi.day), 0) AS looked_at
FROM unnest(CAST(:starts AS date[]), CAST(:ends AS date[])) WITH ORDINALITY AS period (starts, ends, place)
LEFT JOIN daily_kpis AS kpi ON kpi.day >= period.starts AND kpi.day < period.ends
LEFT JOIN LATERAL (SELECT day FROM daily_stats_due WHERE day = kpi.day LIMIT 1) AS due ON true
GROUP BY period.place, period.starts, period.ends
ORDER BY period.place
