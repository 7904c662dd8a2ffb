-- The columns of a table that may be written, in their order: not the generated ones.
SELECT attname
FROM pg_attribute
WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
