-- The newest look at each service: what it said, how old it is, and since when its status holds. `stale`: three looks
-- in a row are missing, so that nobody knows. A service that is no longer looked at has a last row without a status.
-- A look of the future is none: a clock was ahead.
CREATE OR REPLACE VIEW probe_status WITH (security_invoker = true) AS
WITH RECURSIVE services AS (
  (SELECT service FROM probe_results ORDER BY service LIMIT 1)
  UNION ALL
  SELECT (
    SELECT service FROM probe_results WHERE service > services.service ORDER BY service LIMIT 1
  )
  FROM services
  WHERE services.service IS NOT NULL
)
SELECT
  newest.service,
  newest.kind,
  newest.status,
  newest.reason,
  newest.checked_at,
  now() - newest.checked_at AS age,
  newest.status IS NOT NULL AND now() - newest.checked_at > 3 * newest.check_every AS stale,
  coalesce(
    (
      SELECT min(same.checked_at)
      FROM probe_results AS same
      WHERE same.service = newest.service
        AND same.checked_at > coalesce(
          (
            SELECT max(other.checked_at)
            FROM probe_results AS other
            WHERE other.service = newest.service AND other.status IS DISTINCT FROM newest.status
          ),
          '-infinity'
        )
    ),
    newest.checked_at
  ) AS since,
  newest.asked_at,
  newest.check_every,
  newest.latency_ms,
  newest.newest,
  newest.expected_by,
  newest.freshness,
  newest.completeness,
  newest.quota_used,
  newest.quota_limit,
  newest.quota_window,
  round(newest.quota_used::numeric / nullif(newest.quota_limit, 0), 4) AS quota_share,
  newest.sandbox,
  newest.run_url
FROM services
CROSS JOIN LATERAL (
  SELECT *
  FROM probe_results
  WHERE probe_results.service = services.service AND checked_at <= now() + interval '1 minute'
  ORDER BY checked_at DESC, id DESC
  LIMIT 1
) AS newest;

COMMENT ON VIEW probe_status IS
  'The newest look at each service, its age, and since when its status holds; null status: nobody knows';
COMMENT ON COLUMN probe_status.stale IS 'Three looks in a row are missing';
COMMENT ON COLUMN probe_status.since IS 'When this status was first seen, as far back as rows are kept';
