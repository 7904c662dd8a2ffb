-- The last days for which a method forecast something, oldest first, with what they brought.
SELECT day, var, es, loss, profit, exception, stored_at
FROM (
  SELECT forecast.day, forecast.var, forecast.es, outcome.loss, outcome.profit, outcome.exception, forecast.stored_at
  FROM risk_forecasts AS forecast
  LEFT JOIN risk_outcomes AS outcome USING (portfolio_id, day, method, confidence, horizon)
  WHERE forecast.portfolio_id = :portfolio AND forecast.method = :method AND forecast.confidence = :confidence
    AND forecast.horizon = 1 AND forecast.var IS NOT NULL
  ORDER BY forecast.day DESC
  LIMIT :rows
) AS newest
ORDER BY day
