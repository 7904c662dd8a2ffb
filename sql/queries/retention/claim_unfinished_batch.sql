-- Take a batch from whoever writes it, under a new id: its writer finds it no more.
UPDATE archived_batches
SET id = gen_random_uuid()
WHERE id = :id AND state = 'writing'
RETURNING id
