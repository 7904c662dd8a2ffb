-- The time (UTC) of the oldest row of {table} before :cutoff, maybe behind a key.
SELECT min({time}) AT TIME ZONE 'UTC'
FROM {table}
WHERE {time} < :cutoff {behind}
