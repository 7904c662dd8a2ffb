-- How many signals the API was asked for by or for a user in 24 hours, and how long to wait, in seconds: until there is
-- room among :most of them, and until a minute has passed since the last one, however that came to be. What Airflow
-- did not take counts for a minute: who asked for it may be about to hand it over.
WITH asked AS (
  SELECT asked_at
  FROM api_runs
  WHERE user_id = :user_id AND dag_id = 'generate_signals'
    AND asked_at > now() - interval '24 hours' AND asked_at <= now() + interval '1 minute'
    AND (started_at IS NOT NULL OR asked_at > now() - interval '1 minute')
), last AS (
  SELECT max(moment) AS moment
  FROM (
    SELECT asked_at FROM asked
    UNION ALL
    SELECT taken_at FROM signal_slots WHERE user_id = :user_id AND taken_at <= now() + interval '1 minute'
  ) AS moments (moment)
)
SELECT
  (SELECT count(*) FROM asked) AS asked,
  CAST(extract(epoch FROM interval '24 hours' - (now() - (
    SELECT asked_at FROM asked ORDER BY asked_at DESC OFFSET :most - 1 LIMIT 1
  ))) AS double precision) AS day_wait,
  CASE WHEN moment > now() - interval '1 minute'
    THEN CAST(extract(epoch FROM moment + interval '1 minute' - now()) AS double precision)
  END AS minute_wait
FROM last
