-- The key of the last row of a table that is in the archive and not deleted yet.
SELECT last_key
FROM archived_batches
WHERE table_name = :table AND state = 'written'
ORDER BY created_at DESC
LIMIT 1
