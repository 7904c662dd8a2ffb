-- Lists a backup whose manifest is in the storage; one that is being deleted stays that.
INSERT INTO backups AS known (
  id, kind, status, location, parent, started_at, finished_at, bytes, manifest, run_url,
  verified, verified_at, reason, installation
)
VALUES (
  :id, :kind, 'complete', :location, :parent, :started_at, :finished_at, :bytes, CAST(:manifest AS jsonb), :run_url,
  :verified, :verified_at, :reason, :installation
)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status,
  installation = coalesce(excluded.installation, known.installation),
  location = excluded.location,
  parent = excluded.parent,
  finished_at = excluded.finished_at,
  bytes = excluded.bytes,
  manifest = excluded.manifest,
  verified = coalesce(excluded.verified, known.verified),
  verified_at = coalesce(excluded.verified_at, known.verified_at),
  reason = coalesce(excluded.reason, CASE WHEN known.status = 'complete' THEN known.reason END)
WHERE known.status <> 'deleting'
