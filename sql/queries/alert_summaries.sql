-- What the samples of each selection's window add up to, for each set of labels; no row where there are none.
-- include/alerts/sources.py puts the samples of a source (alert_samples_*.sql) where it says so.
-- The labels that a selection does not group by are null.
SELECT wanted.id, found.*
FROM jsonb_to_recordset(CAST(:selections AS jsonb)) AS wanted (
  id integer, seconds double precision, match jsonb, grouped boolean[], wants_last boolean
)
CROSS JOIN LATERAL (
  SELECT
    CASE WHEN wanted.grouped[1] THEN sample.label_1 END AS label_1,
    CASE WHEN wanted.grouped[2] THEN sample.label_2 END AS label_2,
    CASE WHEN wanted.grouped[3] THEN sample.label_3 END AS label_3,
    count(*) AS samples,
    sum(sample.value) AS sum,
    avg(sample.value) AS avg,
    min(sample.value) AS min,
    max(sample.value) AS max,
    max(sample.at) AS last_at,
    (max(ARRAY[extract(epoch FROM sample.at), sample.value]) FILTER (WHERE wanted.wants_last))[2] AS last
  FROM ({samples}) AS sample
  GROUP BY 1, 2, 3
  LIMIT :most
) AS found
