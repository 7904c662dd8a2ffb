-- Money of each period in US dollars, from the rolled-up days, in the order of :starts.
SELECT
  coalesce(sum(stats.total_trades), 0)::bigint AS trades,
  coalesce(sum(stats.total_profit_loss), 0) AS net,
  coalesce(sum(stats.total_profit), 0) AS profit,
  coalesce(sum(stats.total_loss), 0) AS loss,
  coalesce(sum(stats.fees_paid), 0) AS fees,
  coalesce(sum(stats.slippage_cost), 0) AS slippage
FROM unnest(CAST(:starts AS date[]), CAST(:ends AS date[])) WITH ORDINALITY AS period (starts, ends, place)
LEFT JOIN daily_trade_stats AS stats ON stats.day >= period.starts AND stats.day < period.ends
GROUP BY period.place
ORDER BY period.place
