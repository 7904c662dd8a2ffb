-- The outside services that are called by include/http: breaker, pauses they asked for, use of their quotas.
WITH quotas AS (
  SELECT quota.service, 100.0 * count(call.id) / quota.calls AS used
  FROM jsonb_to_recordset(CAST(:quotas AS jsonb)) AS quota (service text, calls integer, seconds double precision)
  LEFT JOIN http_calls AS call
    ON call.service = quota.service
    AND call.called_at > CAST(:at AS timestamptz) - make_interval(secs => quota.seconds)
    AND call.called_at <= CAST(:at AS timestamptz)
  GROUP BY quota.service, quota.calls, quota.seconds
)
SELECT gauge, CAST(value AS double precision) AS value, service AS label_1,
  CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM http_services
CROSS JOIN LATERAL (
  VALUES
    ('broken_seconds', CASE state WHEN 'closed' THEN 0 ELSE extract(epoch FROM CAST(:at AS timestamptz) - since) END),
    ('held_seconds', greatest(0, coalesce(extract(epoch FROM held_until - CAST(:at AS timestamptz)), 0))),
    ('quota_used_percent', (SELECT max(used) FROM quotas WHERE quotas.service = http_services.service))
) AS gauges (gauge, value)
WHERE value IS NOT NULL
