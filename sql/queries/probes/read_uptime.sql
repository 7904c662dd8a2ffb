-- The platform's uptime of the last days (UTC), the newest first; today is as it is at this moment, by the target of the
-- newest day that is over.
WITH over AS (
  SELECT day, uptime, uptime_looked_at AS looked_at, uptime_target AS target
  FROM daily_kpis
  WHERE day > (now() AT TIME ZONE 'UTC')::date - :days AND day < (now() AT TIME ZONE 'UTC')::date
)
SELECT day, uptime, looked_at, target, uptime > target AS met, unfinished
FROM (
  SELECT over.*, false AS unfinished
  FROM over
  UNION ALL
  SELECT
    (now() AT TIME ZONE 'UTC')::date,
    (100 * up / nullif(looked_at, 0))::numeric,
    (100 * nullif(looked_at, 0) / nullif(elapsed, 0))::numeric,
    (SELECT target FROM over ORDER BY day DESC LIMIT 1),
    true
  FROM measure_uptime((now() AT TIME ZONE 'UTC')::date)
) AS days
ORDER BY day DESC
