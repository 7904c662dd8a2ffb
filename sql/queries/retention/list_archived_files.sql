-- The files of a table's rows of some days, the last archived first: of a row that is in several, it counts.
SELECT file, sha256
FROM archived_batches
WHERE split_part(file, '/', 1) = :table AND day BETWEEN :first AND :last AND state <> 'writing'
ORDER BY created_at DESC, file
