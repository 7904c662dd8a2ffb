-- Ends an export: with what was written, or with the reason why it failed.
UPDATE exports
SET ended_at = now(), rows = :rows, files = :files, bytes = :bytes, error = :error
WHERE id = :export_id
