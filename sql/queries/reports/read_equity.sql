-- Net result of each rolled-up day with a trade, and the sum of all days up to its end, US dollars; the last :days days
-- before :end.
SELECT day, net, equity, trades
FROM (
  SELECT
    day,
    sum(total_profit_loss) AS net,
    sum(total_trades)::bigint AS trades,
    sum(sum(total_profit_loss)) OVER (ORDER BY day) AS equity
  FROM daily_trade_stats
  WHERE day < CAST(:end AS date)
  GROUP BY day
) AS days
WHERE day >= CAST(:end AS date) - CAST(:days AS integer)
ORDER BY day
