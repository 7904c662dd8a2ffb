-- Where a restored database comes from; repeated, it changes nothing.
INSERT INTO restores (backup_id, database, kept_as, first_backup, approved_by, run_url)
VALUES (:backup_id, :database, :kept, :first, :approved_by, :run_url)
ON CONFLICT (run_url) DO NOTHING
