-- The symbols whose positions did not agree the last time.
SELECT subject
FROM reconciliation_differences
WHERE exchange = :exchange AND kind = 'position' AND resolved_at IS NULL
