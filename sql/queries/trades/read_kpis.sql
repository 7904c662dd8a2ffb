-- The KPIs of today (UTC), unfinished, and of the last day that was rolled up, as one JSON array, the newest first.
SELECT json_agg(
  json_build_object('day', day, 'unfinished', unfinished, 'figures', figures) ORDER BY day DESC
)::text
FROM (
  SELECT
    day,
    unfinished,
    json_agg(
      json_build_object('kpi', kpi, 'value', {value}, 'target', target, 'met', met) ORDER BY place
    ) AS figures
  FROM vw_daily_kpis
  WHERE unfinished
    OR day = (SELECT max(day) FROM daily_kpis WHERE day < (now() AT TIME ZONE 'UTC')::date)
  GROUP BY day, unfinished
) AS days
