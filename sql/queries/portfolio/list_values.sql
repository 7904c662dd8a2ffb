-- The last values of a portfolio, oldest first.
SELECT day, currency, value, profit, daily_return, reason
FROM (
  SELECT day, currency, value, profit, daily_return, reason
  FROM portfolio_values
  WHERE portfolio_id = :portfolio
  ORDER BY day DESC
  LIMIT :rows
) AS newest
ORDER BY day
