-- The last looks at portfolios that failed and calculations of risk that did, the newest first.
SELECT finished_at, coalesce(portfolio_id, source) AS what, reason FROM portfolio_syncs WHERE outcome = 'failed'
UNION ALL
SELECT finished_at, 'risk of ' || day, reason FROM risk_assessments WHERE outcome = 'failed'
ORDER BY finished_at DESC
LIMIT :rows
