-- The forecasts of the newest day of each portfolio.
SELECT portfolio_id, day, method, confidence, horizon, made_at, var, es, observations, missing, note
FROM risk_forecasts
JOIN (
  SELECT portfolio_id, max(day) AS day FROM risk_forecasts WHERE portfolio_id = ANY (CAST(:portfolios AS text[]))
  GROUP BY portfolio_id
) AS newest USING (portfolio_id, day)
ORDER BY portfolio_id, method, confidence, horizon
