-- What probes measured: the latency of each service in milliseconds.
SELECT
  checked_at AS at,
  CAST(latency_ms AS double precision) AS value,
  service AS label_1,
  kind AS label_2,
  status AS label_3
FROM probe_results
WHERE checked_at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND checked_at <= CAST(:at AS timestamptz)
