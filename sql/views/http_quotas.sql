-- How much of each quota is used, counted from the calls that all machines really sent: a row a limit. For a window
-- shorter than an hour, `used` is the busiest such window that ended within the last hour; else the window up to now.
-- Places of callers that still wait lie ahead and do not count.
CREATE OR REPLACE VIEW http_quotas WITH (security_invoker = true) AS
SELECT
  service,
  make_interval(secs => seconds) AS quota_window,
  most AS quota_limit,
  coalesce(busiest.used, 0)::integer AS used,
  round(coalesce(busiest.used, 0)::numeric / most, 4) AS share,
  busiest.at,
  now_used.used AS used_now
FROM http_limits
CROSS JOIN LATERAL unnest(http_limits.calls, http_limits.windows) AS quota (most, seconds)
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS used
  FROM http_calls
  WHERE http_calls.service = http_limits.service
    AND called_at > clock_timestamp() - make_interval(secs => seconds)
    AND called_at <= clock_timestamp()
) AS now_used
LEFT JOIN LATERAL (
  SELECT used, at
  FROM (
    -- A window is open at its beginning, as for http_admit: a call exactly its length ago has left it.
    SELECT called_at AS at, count(*) OVER (
      ORDER BY called_at
      RANGE BETWEEN make_interval(secs => seconds - 0.000001) PRECEDING AND CURRENT ROW
    ) AS used
    FROM http_calls
    WHERE http_calls.service = http_limits.service
      AND called_at > clock_timestamp() - make_interval(secs => seconds + 3600)
      AND called_at <= clock_timestamp()
  ) AS windows_ending_with_a_call
  WHERE seconds < 3600 AND at > clock_timestamp() - interval '1 hour'
  UNION ALL
  SELECT now_used.used, NULL
  WHERE seconds >= 3600
  ORDER BY used DESC, at DESC
  LIMIT 1
) AS busiest ON true;

COMMENT ON VIEW http_quotas IS
  'How much of each quota of an outside service is used, from the calls that all machines really sent';
COMMENT ON COLUMN http_quotas.used IS
  'Calls in the busiest window of the last hour; in the window up to now, where that is an hour or longer';
COMMENT ON COLUMN http_quotas.at IS 'When the busiest window ended; null: the window ends now';
COMMENT ON COLUMN http_quotas.used_now IS 'Calls in the window that ends now';
