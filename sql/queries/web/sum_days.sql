-- Trades that were won or lost, by day (UTC) from a day on: before :live_from as roll_up_day keeps them, from then on as they
-- are now; trades/find_rolled_up says which day that is.
SELECT day, trades::bigint, wins::bigint, net
FROM platform_trade_stats
WHERE grouped = 15 AND day >= :first AND day < CAST(:live_from AS date)
UNION ALL
SELECT (ended_at AT TIME ZONE 'UTC')::date, count(*), count(*) FILTER (WHERE won), coalesce(sum(net), 0)
FROM (
  SELECT coalesce(completed_at, expires_at) AS ended_at, status = 'completed_success' AS won, net
  FROM trade_signals AS signal
  LEFT JOIN LATERAL (  -- one by one, by the index: the planner takes the two days for a ninth of all trades
    SELECT net_profit_loss AS net FROM trade_results WHERE trade_signal_id = signal.id OFFSET 0
  ) AS result ON true
  WHERE status IN ('completed_success', 'completed_failure')
    AND coalesce(completed_at, expires_at) >= CAST(:live_from AS date)::timestamp AT TIME ZONE 'UTC'
    AND coalesce(completed_at, expires_at) < ((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
) AS live
GROUP BY 1
