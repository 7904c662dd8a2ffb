-- Writes down an export that begins; one that is begun again is as new.
INSERT INTO exports (id, requested_by, format, filter, root, folder, run_url)
VALUES (:export_id, :requested_by, :format, CAST(:filter AS jsonb), :root, :folder, :run_url)
ON CONFLICT (id) DO UPDATE SET
  requested_by = excluded.requested_by, format = excluded.format, filter = excluded.filter, root = excluded.root,
  folder = excluded.folder, run_url = excluded.run_url, started_at = now(), ended_at = NULL, rows = NULL, files = NULL,
  bytes = NULL, error = NULL
