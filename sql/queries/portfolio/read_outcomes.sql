-- The last outcomes of each portfolio, method and confidence that were known at the end of a day, oldest first.
SELECT portfolio_id, method, confidence,
  array_agg(loss ORDER BY day) AS losses, array_agg(var ORDER BY day) AS vars, array_agg(es ORDER BY day) AS shortfalls,
  array_agg(CAST(exception AS integer) ORDER BY day) AS hits
FROM (
  SELECT outcome.portfolio_id, outcome.method, outcome.confidence, outcome.day, outcome.loss, forecast.var, forecast.es,
    outcome.exception,
    row_number() OVER (
      PARTITION BY outcome.portfolio_id, outcome.method, outcome.confidence ORDER BY outcome.day DESC
    ) AS place
  FROM risk_outcomes AS outcome
  JOIN risk_forecasts AS forecast USING (portfolio_id, day, method, confidence, horizon)
  JOIN portfolio_values AS value USING (portfolio_id, day)
  WHERE outcome.portfolio_id = ANY (CAST(:portfolios AS text[]))
    AND outcome.horizon = 1
    AND outcome.day <= CAST(:day AS date) - CASE value.basis WHEN 'performance' THEN 1 ELSE 0 END
    AND outcome.day > CAST(:day AS date) - :days_back
) AS numbered
WHERE place <= :observations
GROUP BY portfolio_id, method, confidence
