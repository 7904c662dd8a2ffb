-- The KPIs of the last :days days (UTC), today among them, unfinished: a row a day and figure, in the order of the view.
SELECT place, kpi, value, target, met, day, unfinished
FROM vw_daily_kpis
WHERE day > (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer)
ORDER BY place, day
