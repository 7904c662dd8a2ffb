-- What the page shows first: counts of what is open, and since when nothing is unexplained.
SELECT
  (SELECT count(*) FROM orders WHERE closed_at IS NULL) AS open_orders,
  (SELECT count(*) FROM orders WHERE closed_at IS NULL AND status = 'unknown') AS unknown,
  (SELECT min(unknown_since) FROM orders WHERE closed_at IS NULL AND status = 'unknown') AS unknown_since,
  found.unexplained,
  CASE WHEN found.unexplained = 0 THEN
    greatest(found.last_explained, (SELECT min(started_at) FROM reconciliations WHERE outcome = 'complete'))
  END AS explained_since
FROM (
  SELECT count(*) FILTER (WHERE resolved_at IS NULL) AS unexplained, max(resolved_at) AS last_explained
  FROM reconciliation_differences
) AS found
