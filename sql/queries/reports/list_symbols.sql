-- Settled trades of a period by symbol, from the rolled-up days: those with the most trades, and how many symbols there are.
SELECT
  symbol,
  sum(total_trades)::bigint AS trades,
  sum(winning_trades)::bigint AS won,
  sum(total_profit_loss) AS net,
  count(*) OVER () AS symbols
FROM daily_trade_stats
WHERE day >= CAST(:start AS date) AND day < CAST(:end AS date)
GROUP BY symbol
ORDER BY 2 DESC, symbol
LIMIT :limit
