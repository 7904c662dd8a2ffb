-- What the samples of each selection's window add up to, for each set of labels; no row where there are none.
-- include/alerts/readings.py puts the samples of a source (sample_*.sql) where it says so.
-- The labels that a selection does not group by are null. OFFSET 0: each value is computed once, not once for each
-- aggregate of it (twice as fast over ten million samples).
SELECT wanted.id, found.*
FROM jsonb_to_recordset(CAST(:selections AS jsonb)) AS wanted (
  id integer, seconds double precision, match jsonb, units text[], grouped boolean[], wants_last boolean
)
CROSS JOIN LATERAL (
  SELECT
    CASE WHEN wanted.grouped[1] THEN CAST(sample.label_1 AS text) END AS label_1,
    CASE WHEN wanted.grouped[2] THEN CAST(sample.label_2 AS text) END AS label_2,
    CASE WHEN wanted.grouped[3] THEN CAST(sample.label_3 AS text) END AS label_3,
    count(*) AS samples,
    sum(sample.value) AS sum,
    avg(sample.value) AS avg,
    min(sample.value) AS min,
    max(sample.value) AS max,
    max(sample.at) AS last_at,
    (max(ARRAY[extract(epoch FROM sample.at), sample.value]) FILTER (WHERE wanted.wants_last))[2] AS last
  FROM (
    {samples}
    OFFSET 0
  ) AS sample
  GROUP BY 1, 2, 3
  LIMIT :most
) AS found
