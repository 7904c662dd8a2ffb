-- What the page shows first: counts of what is open, and since when nothing is unexplained: as measure_agreement has it.
SELECT
  (SELECT count(*) FROM orders WHERE closed_at IS NULL) AS open_orders,
  (SELECT count(*) FROM orders WHERE closed_at IS NULL AND status = 'unknown') AS unknown,
  (SELECT min(unknown_since) FROM orders WHERE closed_at IS NULL AND status = 'unknown') AS unknown_since,
  found.unexplained,
  CASE WHEN found.unexplained = 0 THEN
    greatest(
      (SELECT max(resolved_at) FROM reconciliation_differences WHERE resolved_at <> first_seen),
      (SELECT started_at FROM reconciliations WHERE outcome = 'complete' ORDER BY id LIMIT 1)
    )
  END AS explained_since
FROM (SELECT count(*) AS unexplained FROM reconciliation_differences WHERE resolved_at IS NULL) AS found
