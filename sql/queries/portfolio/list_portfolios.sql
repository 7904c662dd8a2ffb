-- Portfolios that had a snapshot or a value within the month up to the end of a day.
SELECT portfolio_id
FROM portfolio_syncs
WHERE outcome = 'complete' AND taken_at >= CAST(:day AS date) - 30 AND taken_at < CAST(:day AS date) + 1
UNION
SELECT portfolio_id FROM portfolio_values WHERE day BETWEEN CAST(:day AS date) - 30 AND CAST(:day AS date)
ORDER BY portfolio_id
