-- How long nothing has been unexplained: since the last difference that outlived its run was resolved, or since the
-- first complete run. Null days: one is unexplained now, or there was never a complete run.
WITH complete AS (
  SELECT min(finished_at) AS first_at, max(finished_at) AS last_at
  FROM reconciliations
  WHERE exchange = :exchange AND outcome = 'complete'
), unexplained AS (
  SELECT count(*) FILTER (WHERE resolved_at IS NULL) AS open_now, max(resolved_at) AS last_resolved
  FROM reconciliation_differences
  WHERE exchange = :exchange AND resolved_at IS DISTINCT FROM first_seen
)
SELECT
  open_now AS unexplained,
  last_at AS last_complete_at,
  CASE
    WHEN open_now = 0
      THEN CAST(extract(EPOCH FROM last_at - greatest(first_at, last_resolved)) / 86400 AS double precision)
  END AS days
FROM complete, unexplained
