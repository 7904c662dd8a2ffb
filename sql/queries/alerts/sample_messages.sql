-- Messages from outside, each as 1, whatever was read in them.
SELECT
  created_at AS at,
  CAST(1 AS double precision) AS value,
  source AS label_1,
  kind AS label_2,
  status AS label_3
FROM signals
WHERE created_at > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND created_at <= CAST(:at AS timestamptz)
