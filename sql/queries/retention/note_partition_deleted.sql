-- The partition that the batches of a table held is about to go; how many rows each of them has.
UPDATE archived_batches
SET state = 'deleted', deleted_at = now()
WHERE table_name = :table AND state = 'written'
RETURNING rows
