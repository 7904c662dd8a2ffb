-- What became of the forecasts of the last weeks and of the next day, as far as it is known by now. Gives the first day of
-- each portfolio that has got one, and how many.
WITH written AS (
  INSERT INTO risk_outcomes (portfolio_id, day, method, confidence, horizon, profit, loss, exception)
  SELECT
    forecast.portfolio_id, forecast.day, forecast.method, forecast.confidence, forecast.horizon, value.profit,
    -value.daily_return, -value.daily_return > forecast.var
  FROM risk_forecasts AS forecast
  JOIN portfolio_values AS value USING (portfolio_id, day)
  WHERE forecast.portfolio_id = ANY (CAST(:portfolios AS text[]))
    AND forecast.day BETWEEN CAST(:day AS date) - 30 AND CAST(:day AS date) + 1
    AND forecast.horizon = 1
    AND forecast.var IS NOT NULL
    AND value.daily_return IS NOT NULL
  ON CONFLICT (portfolio_id, day, method, confidence, horizon) DO NOTHING
  RETURNING portfolio_id, day
)
SELECT portfolio_id, min(day) AS first_day, count(*) AS outcomes
FROM written
GROUP BY portfolio_id
