-- Token access, now: how old its knowledge is, and when the next grace ends. What was never known has no row.
SELECT gauge, CAST(value AS double precision) AS value, CAST(NULL AS text) AS label_1, CAST(NULL AS text) AS label_2,
  CAST(NULL AS text) AS label_3
FROM (
  VALUES
    ('requirement_age_seconds', (
      SELECT extract(epoch FROM CAST(:at AS timestamptz) - coalesce(
        max(valid_from) FILTER (WHERE outcome <> 'frozen'), min(valid_from)
      ))
      FROM token_requirements
      WHERE valid_from <= :at
    )),
    ('check_age_seconds', (
      SELECT extract(epoch FROM CAST(:at AS timestamptz) - coalesce(
        max(checked_at) FILTER (WHERE finished_at IS NOT NULL), min(checked_at)
      ))
      FROM access_checks
      WHERE checked_at <= :at
    )),
    ('unreadable', (
      SELECT unreadable FROM access_checks
      WHERE finished_at IS NOT NULL AND checked_at <= :at
      ORDER BY checked_at DESC
      LIMIT 1
    )),
    ('grace_ends_in_seconds', (
      SELECT coalesce(extract(epoch FROM min(grace_ends_at) - CAST(:at AS timestamptz)), 1e9)
      FROM access_in_grace
      WHERE grace_ends_at > :at
      HAVING EXISTS (SELECT FROM access_grants)
    ))
) AS known (gauge, value)
WHERE value IS NOT NULL
