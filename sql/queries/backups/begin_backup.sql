-- A backup begins; it is listed only when it is complete.
INSERT INTO backups (id, kind, status, location, started_at, run_url, installation)
VALUES (:id, :kind, 'running', :location, :started_at, :run_url, this_installation())
