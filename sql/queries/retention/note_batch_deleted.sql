-- The rows of a batch are gone from their table.
UPDATE archived_batches
SET state = 'deleted', deleted_at = now()
WHERE id = :id
