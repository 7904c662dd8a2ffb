-- A page of the catalogue, the newest first: backups that began before the place :before_at, :before_id (null: from the
-- newest), of a kind and a state (null: any; `kept`: those that are there). The manifest is opened for these rows only.
SELECT
  id, kind, status, location, parent, started_at, finished_at, bytes AS size, verified, verified_at, reason, run_url,
  manifest ->> 'method' AS method,
  jsonb_array_length(manifest -> 'parts') AS parts,
  manifest ->> 'recipient' IS NOT NULL AS encrypted,
  manifest -> 'databases' -> 'graph' IS NOT NULL AS has_graph,
  CAST(manifest ->> 'seconds' AS double precision) AS seconds
FROM backups
WHERE (CAST(:kind AS text) IS NULL OR kind = :kind)
  AND CASE CAST(:state AS text)
    WHEN 'kept' THEN status = 'complete'
    WHEN 'bad' THEN status IN ('failed', 'lost') OR (status = 'complete' AND verified = 'bad')
    WHEN 'gone' THEN status IN ('deleting', 'deleted')
    ELSE true
  END
  AND (CAST(:before_at AS timestamptz) IS NULL OR (started_at, id) < (CAST(:before_at AS timestamptz), :before_id))
ORDER BY started_at DESC, id DESC
LIMIT :rows
