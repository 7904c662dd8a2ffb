-- Backups of a location in some of the statuses, the newest first.
SELECT id, kind, status, parent, started_at, finished_at, bytes AS size, verified, verified_at, reason, run_url,
  manifest ->> 'method' AS method
FROM backups
WHERE location = :location AND status = ANY (:statuses) AND (CAST(:kind AS text) IS NULL OR kind = :kind)
-- one from a clock that was ahead is not the newest
ORDER BY started_at > now() + interval '1 minute', started_at DESC, id DESC
LIMIT :most
