-- The newest word of each probe within a day: 0 healthy, 1 degraded, 2 down; and its age.
SELECT gauge, CAST(value AS double precision) AS value, service AS label_1, kind AS label_2,
  CAST(NULL AS text) AS label_3
FROM (
  SELECT DISTINCT ON (service) service, kind, status, checked_at
  FROM probe_results
  WHERE checked_at > CAST(:at AS timestamptz) - interval '1 day' AND checked_at <= CAST(:at AS timestamptz)
  ORDER BY service, checked_at DESC
) AS newest
CROSS JOIN LATERAL (
  VALUES
    ('status', CASE status WHEN 'healthy' THEN 0 WHEN 'degraded' THEN 1 ELSE 2 END),
    ('age_seconds', extract(epoch FROM CAST(:at AS timestamptz) - checked_at))
) AS gauges (gauge, value)
