-- The share of CPU time that was used since the machine's sample before. A restart counts from 0 again: no sample.
INSERT INTO system_samples (host, gauge, value)
SELECT :host, 'cpu_percent', 100 * (CAST(:busy AS double precision) - busy.value) / (:total - total.value)
FROM system_samples AS total
JOIN system_samples AS busy ON busy.gauge = 'cpu_seconds' AND busy.host = total.host
  AND busy.subject = 'busy' AND busy.at = total.at
WHERE total.gauge = 'cpu_seconds'
  AND total.host = :host
  AND total.subject = 'total'
  AND total.at BETWEEN now() - interval '10 minutes' AND now() + interval '1 minute'
  AND total.value < :total
  AND busy.value <= :busy
ORDER BY total.at DESC
LIMIT 1
ON CONFLICT DO NOTHING
