-- Differences of a complete run. What is mended is a row that is resolved at once; what is not is one row until it
-- is, seen again by each run. What a person has explained is not written anew while it stays the same.
WITH found AS (
  SELECT *
  FROM jsonb_to_recordset(CAST(:differences AS jsonb)) AS r (
    kind text, subject text, order_id uuid, symbol text, ours jsonb, theirs jsonb, mended boolean
  )
), gone AS (
  UPDATE reconciliation_differences AS d
  SET resolved_at = now(), resolved_by = 'reconciliation', evidence = jsonb_build_object('agreed_in_run', :run)
  WHERE
    d.exchange = :exchange AND d.resolved_at IS NULL AND d.subject = ANY(:judged)
    AND NOT EXISTS (SELECT FROM found AS f WHERE f.kind = d.kind AND f.subject = d.subject AND NOT f.mended)
  RETURNING d.id
), seen AS (
  UPDATE reconciliation_differences AS d
  SET last_seen = now(), ours = f.ours, theirs = f.theirs
  FROM found AS f
  WHERE
    NOT f.mended AND d.exchange = :exchange AND d.resolved_at IS NULL AND (d.kind, d.subject) = (f.kind, f.subject)
  RETURNING d.kind, d.subject
), written AS (
  INSERT INTO reconciliation_differences (
    exchange, kind, subject, order_id, symbol, ours, theirs, resolved_at, resolved_by, evidence
  )
  SELECT
    :exchange, f.kind, f.subject, f.order_id, f.symbol, f.ours, f.theirs,
    CASE WHEN f.mended THEN now() END,
    CASE WHEN f.mended THEN 'reconciliation' END,
    CASE WHEN f.mended THEN jsonb_build_object('mended_in_run', :run) END
  FROM found AS f
  WHERE
    (f.kind, f.subject) NOT IN (SELECT kind, subject FROM seen)
    AND NOT EXISTS (
      SELECT FROM reconciliation_differences AS d
      WHERE
        d.exchange = :exchange AND (d.kind, d.subject) = (f.kind, f.subject) AND d.resolved_by <> 'reconciliation'
        AND (d.ours, d.theirs) IS NOT DISTINCT FROM (f.ours, f.theirs)
    )
  RETURNING resolved_at
)
SELECT
  (SELECT count(*) FROM written) AS written,
  (SELECT count(*) FROM gone) + (SELECT count(*) FROM written WHERE resolved_at IS NOT NULL) AS resolved
