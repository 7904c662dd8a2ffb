-- What users rated, from 1 to 5: the average is that of the KPI.
SELECT
  timestamp AS at,
  CAST(rating AS double precision) AS value,
  feedback_type AS label_1,
  CAST(NULL AS text) AS label_2,
  CAST(NULL AS text) AS label_3
FROM atge_user_feedback
WHERE rating IS NOT NULL
  AND timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
