-- The batches of a table whose rows are not deleted yet, in the order in which they were begun.
SELECT id, file, state
FROM archived_batches
WHERE table_name = :table AND state <> 'deleted'
ORDER BY created_at
