-- Backups of a location in some of the statuses, the newest first: this installation's, or everybody's.
SELECT id, kind, status, parent, started_at, finished_at, bytes AS size, verified, verified_at, reason, run_url,
  manifest ->> 'method' AS method, installation IS DISTINCT FROM this_installation() AS foreign, installation
FROM backups
WHERE location = :location AND status = ANY (:statuses) AND (CAST(:kind AS text) IS NULL OR kind = :kind)
  AND (:everybody OR installation = this_installation())
-- one from a clock that was ahead is not the newest
ORDER BY started_at > now() + interval '1 minute', started_at DESC, id DESC
LIMIT :most
