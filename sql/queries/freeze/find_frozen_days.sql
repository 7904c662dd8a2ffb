-- The days whose own daily runs a freeze kept from beginning, going back from the run that is due at :due, as far as
-- they follow each other. A run begins minutes after it is due: a freeze that began so soon after may have met it.
WITH runs AS (
  SELECT
    back,
    EXISTS (
      SELECT
      FROM freezes
      WHERE tstzrange(begins_at, coalesce(ended_at, ends_at))
        && tstzrange(due, due + interval '30 minutes')
    ) AS frozen,
    (due AT TIME ZONE 'UTC')::date - 1 AS day
  FROM generate_series(1, CAST(:at_most AS integer)) AS back
  CROSS JOIN LATERAL (SELECT CAST(:due AS timestamptz) - make_interval(hours => 24 * back)) AS run (due)
)
SELECT day
FROM runs
WHERE back < coalesce((SELECT min(back) FROM runs WHERE NOT frozen), 2147483647)
ORDER BY back
