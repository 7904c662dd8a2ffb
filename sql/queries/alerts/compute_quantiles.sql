-- As compute_summaries, with the quantiles 0.5, 0.95 and 0.99 (linear interpolation). On their own, for they sort.
SELECT wanted.id, found.*
FROM jsonb_to_recordset(CAST(:selections AS jsonb)) AS wanted (
  id integer, seconds double precision, match jsonb, units text[], grouped boolean[]
)
CROSS JOIN LATERAL (
  SELECT
    CASE WHEN wanted.grouped[1] THEN CAST(sample.label_1 AS text) END AS label_1,
    CASE WHEN wanted.grouped[2] THEN CAST(sample.label_2 AS text) END AS label_2,
    CASE WHEN wanted.grouped[3] THEN CAST(sample.label_3 AS text) END AS label_3,
    count(*) AS samples,
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY sample.value) AS quantiles,
    max(sample.at) AS last_at
  FROM (
    {samples}
    OFFSET 0
  ) AS sample
  GROUP BY 1, 2, 3
  LIMIT :most
) AS found
