-- The columns of a table with their types, in their order.
SELECT attname, format_type(atttypid, NULL)
FROM pg_attribute
WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
