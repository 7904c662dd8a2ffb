-- The last returns of portfolios that were known at the end of a day, oldest first. IBKR reports a day on the next.
SELECT asked.portfolio_id, known.days, known.returns
FROM unnest(CAST(:portfolios AS text[])) AS asked (portfolio_id)
CROSS JOIN LATERAL (
  SELECT
    coalesce(array_agg(day ORDER BY day), '{}') AS days,
    coalesce(array_agg(daily_return ORDER BY day), '{}') AS returns
  FROM (
    SELECT day, daily_return
    FROM portfolio_values
    WHERE portfolio_id = asked.portfolio_id AND daily_return IS NOT NULL
      AND day <= CAST(:day AS date) - CASE basis WHEN 'performance' THEN 1 ELSE 0 END
    ORDER BY day DESC
    LIMIT :observations
  ) AS newest
) AS known
