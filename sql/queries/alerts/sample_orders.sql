-- 100 for an order of ours that was not carried out, 0 for one that was or may yet be: the average is the share that
-- fails, in percent.
SELECT
  created_at AS at,
  CASE WHEN status IN ('rejected', 'expired', 'unknown') THEN CAST(100 AS double precision) ELSE 0 END AS value,
  exchange AS label_1,
  symbol AS label_2,
  status AS label_3
FROM orders
WHERE origin = 'tradeops'
  AND created_at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND created_at <= CAST(:at AS timestamptz)
