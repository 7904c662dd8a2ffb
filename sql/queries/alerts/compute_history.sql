-- As compute_summaries, cut into stretches of `stretch` seconds back from now: one value for each stretch that has
-- samples. Stretch 0 is the newest.
SELECT wanted.id, found.*
FROM jsonb_to_recordset(CAST(:selections AS jsonb)) AS wanted (
  id integer, seconds double precision, match jsonb, units text[], grouped boolean[], stretch double precision,
  aggregate text
)
CROSS JOIN LATERAL (
  SELECT
    label_1,
    label_2,
    label_3,
    sum(samples) FILTER (WHERE stretch = 0) AS samples,
    max(value) FILTER (WHERE stretch = 0) AS newest,
    array_agg(value) FILTER (WHERE stretch > 0) AS baseline,
    max(last_at) AS last_at
  FROM (
    SELECT
      CASE WHEN wanted.grouped[1] THEN CAST(sample.label_1 AS text) END AS label_1,
      CASE WHEN wanted.grouped[2] THEN CAST(sample.label_2 AS text) END AS label_2,
      CASE WHEN wanted.grouped[3] THEN CAST(sample.label_3 AS text) END AS label_3,
      floor(extract(epoch FROM CAST(:at AS timestamptz) - sample.at) / wanted.stretch) AS stretch,
      count(*) AS samples,
      max(sample.at) AS last_at,
      CASE wanted.aggregate
        WHEN 'avg' THEN avg(sample.value)
        WHEN 'min' THEN min(sample.value)
        WHEN 'max' THEN max(sample.value)
        WHEN 'sum' THEN sum(sample.value)
        WHEN 'count' THEN count(*)
      END AS value
    FROM (
      {samples}
      OFFSET 0
    ) AS sample
    GROUP BY 1, 2, 3, 4
  ) AS stretches
  GROUP BY 1, 2, 3
  LIMIT :most
) AS found
