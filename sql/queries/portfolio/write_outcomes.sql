-- What became of the forecasts of the last weeks, as far as it was known at the end of a day: IBKR reports a day on the next.
INSERT INTO risk_outcomes (portfolio_id, day, method, confidence, horizon, profit, loss, exception)
SELECT
  forecast.portfolio_id, forecast.day, forecast.method, forecast.confidence, forecast.horizon, value.profit,
  -value.daily_return, -value.daily_return > forecast.var
FROM risk_forecasts AS forecast
JOIN portfolio_values AS value USING (portfolio_id, day)
WHERE forecast.day BETWEEN CAST(:day AS date) - 30 AND CAST(:day AS date)
  AND forecast.horizon = 1
  AND forecast.var IS NOT NULL
  AND value.daily_return IS NOT NULL
  AND value.day <= CAST(:day AS date) - CASE value.basis WHEN 'performance' THEN 1 ELSE 0 END
ON CONFLICT (portfolio_id, day, method, confidence, horizon) DO NOTHING
