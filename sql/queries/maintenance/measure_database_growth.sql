-- The size of all tables together, day by day.
SELECT day, sum(bytes)::bigint AS bytes
FROM table_sizes
WHERE day > (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer)
GROUP BY day
ORDER BY day
