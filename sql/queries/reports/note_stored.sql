-- Notes where the files of a version are; no row: a newer version has replaced it.
UPDATE reports
SET location = :location, files = CAST(:files AS jsonb), stored_at = now()
WHERE id = :id AND version = :version
RETURNING id
