-- Gauges of the machines: processor, memory, disk.
SELECT at, value, gauge AS label_1, host AS label_2, subject AS label_3
FROM system_samples
WHERE gauge = wanted.match ->> 'gauge'
  AND at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND at <= CAST(:at AS timestamptz)
