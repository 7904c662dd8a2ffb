-- The measures of the newest day of each portfolio.
SELECT portfolio_id, day, measure, value, money, note
FROM risk_measures
JOIN (
  SELECT portfolio_id, max(day) AS day FROM risk_measures WHERE portfolio_id = ANY (CAST(:portfolios AS text[]))
  GROUP BY portfolio_id
) AS newest USING (portfolio_id, day)
ORDER BY portfolio_id, measure
