-- The newest word of each probe within two days. A status that is not known has no value: that is no outage.
SELECT gauge, CAST(value AS double precision) AS value, service AS label_1, kind AS label_2,
  CAST(NULL AS text) AS label_3
FROM (
  SELECT DISTINCT ON (service) service, kind, status, checked_at, check_every, expected_by, completeness
  FROM probe_results
  WHERE checked_at > CAST(:at AS timestamptz) - interval '2 days' AND checked_at <= CAST(:at AS timestamptz)
  ORDER BY service, checked_at DESC
) AS newest
CROSS JOIN LATERAL (
  VALUES
    ('status', CASE status WHEN 'healthy' THEN 0 WHEN 'degraded' THEN 1 WHEN 'down' THEN 2 END),
    ('missed_checks', extract(epoch FROM CAST(:at AS timestamptz) - checked_at)
      / nullif(extract(epoch FROM check_every), 0)),
    ('overdue_seconds', greatest(0, extract(epoch FROM CAST(:at AS timestamptz) - expected_by))),
    ('completeness_percent', 100 * completeness)
) AS gauges (gauge, value)
