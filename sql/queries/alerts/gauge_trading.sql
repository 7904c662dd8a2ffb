-- How the sweep keeps up, now.
SELECT gauge, value, CAST(NULL AS text) AS label_1, CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM measure_due_trades(:at) AS waiting
CROSS JOIN LATERAL (
  VALUES
    ('expired_waiting', CAST(waiting.expired_waiting AS double precision)),
    ('due', waiting.due),
    ('due_for_seconds', waiting.due_for_seconds)
) AS gauges (gauge, value)
