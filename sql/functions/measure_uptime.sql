-- How long the platform was looked at on a day (UTC), and how long it was up, in seconds, by what probe_platform saw.
-- A round speaks for the time until the next one, and at most for twice its interval: after that nobody looked. The
-- platform is down while one of its own parts is; what outside services do is not counted.
CREATE OR REPLACE FUNCTION measure_uptime(of_day date) RETURNS TABLE (
  elapsed double precision, looked_at double precision, up double precision
)
LANGUAGE sql STABLE AS $$
  WITH span AS (
    SELECT
      CASE of_day WHEN '0001-01-02' THEN '-infinity' ELSE of_day::timestamp AT TIME ZONE 'UTC' END AS begins,
      least((of_day + 1)::timestamp AT TIME ZONE 'UTC', now()) AS ends
  ),
  rounds AS (
    SELECT checked_at, max(check_every) AS every, bool_and(status <> 'down') AS is_up
    FROM span
    JOIN probe_results ON checked_at > begins - interval '1 hour' AND checked_at < ends
    WHERE own_part AND status IS NOT NULL
    GROUP BY checked_at
  ),
  spoken_for AS (
    SELECT
      is_up,
      greatest(checked_at, begins) AS since,
      least(lead(checked_at, 1, 'infinity') OVER (ORDER BY checked_at), checked_at + 2 * every, ends) AS until
    FROM rounds, span
  )
  SELECT
    (SELECT extract(epoch FROM ends - begins)::double precision FROM span WHERE isfinite(begins)),
    coalesce(sum(extract(epoch FROM until - since)), 0)::double precision,
    coalesce(sum(extract(epoch FROM until - since)) FILTER (WHERE is_up), 0)::double precision
  FROM spoken_for
  WHERE until > since
$$;

COMMENT ON FUNCTION measure_uptime IS
  'Seconds of a day (UTC) that are over, that somebody looked at the platform, and that it was up';
