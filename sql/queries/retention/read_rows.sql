-- The next rows of {table} before :day_end, in the order of its archive, maybe behind a key.
SELECT {columns}
FROM {table}
WHERE {time} < :day_end {behind}
ORDER BY {order}
LIMIT :limit
