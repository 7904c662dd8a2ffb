-- The rows of the newest day of each portfolio in one of the tables of risk.
SELECT portfolio_id, day, {columns}
FROM unnest(CAST(:portfolios AS text[])) AS asked (portfolio_id)
CROSS JOIN LATERAL (
  SELECT max(day) AS day FROM {table} AS known WHERE known.portfolio_id = asked.portfolio_id
) AS newest
JOIN {table} USING (portfolio_id, day)
ORDER BY portfolio_id, {columns}
