-- The verdicts of the newest day of each portfolio.
SELECT portfolio_id, day, method, confidence, test, observations, exceptions, statistic, p_value, verdict, missing
FROM risk_validations
JOIN (
  SELECT portfolio_id, max(day) AS day FROM risk_validations WHERE portfolio_id = ANY (CAST(:portfolios AS text[]))
  GROUP BY portfolio_id
) AS newest USING (portfolio_id, day)
ORDER BY portfolio_id, method, confidence, test
