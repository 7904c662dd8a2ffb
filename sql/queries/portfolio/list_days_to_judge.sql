-- Days that were worked out and see an outcome of portfolios from a day on: a day that was has forecasts of the next.
SELECT day, array_agg(portfolio_id ORDER BY portfolio_id) AS portfolios
FROM (
  SELECT DISTINCT changed.portfolio_id, forecast.day - 1 AS day
  FROM unnest(CAST(:portfolios AS text[]), CAST(:first_days AS date[])) AS changed (portfolio_id, first_day)
  JOIN risk_forecasts AS forecast
    ON forecast.portfolio_id = changed.portfolio_id
    AND forecast.day > changed.first_day AND forecast.day <= changed.first_day + :days_back
) AS worked_out
GROUP BY day
ORDER BY day
