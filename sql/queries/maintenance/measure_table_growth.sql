-- Size of each table now and its daily growth by least squares over the last :days days, the largest first.
SELECT
  table_name,
  (array_agg(bytes ORDER BY day DESC))[1] AS bytes,
  (array_agg(rows ORDER BY day DESC))[1] AS rows,
  count(*) AS days,
  regr_slope(bytes, day - CAST('2000-01-01' AS date)) AS bytes_a_day
FROM table_sizes
WHERE day > (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer)
GROUP BY table_name
ORDER BY 2 DESC, 1
