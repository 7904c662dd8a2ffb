-- Days of a period that are not rolled up, the first ones of them.
SELECT day::date AS day
FROM generate_series(CAST(:start AS date), CAST(:end AS date) - 1, interval '1 day') AS days (day)
WHERE NOT EXISTS (SELECT FROM daily_kpis WHERE daily_kpis.day = days.day::date)
ORDER BY 1
LIMIT :limit
