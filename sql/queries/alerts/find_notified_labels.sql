-- The labels of all that was reported, as long as notices are kept (90 days): what a silence would have matched.
SELECT DISTINCT source, severity, cause, labels, owner
FROM alert_notices
WHERE kind IN ('firing', 'failure')
LIMIT :limit
