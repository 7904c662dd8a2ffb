-- The file of a batch was read back and equals its rows; of no row when another run took the batch.
UPDATE archived_batches
SET state = 'written', bytes = :bytes, sha256 = :sha256
WHERE id = :id AND state = 'writing'
