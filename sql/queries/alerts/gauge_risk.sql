-- Whether the last calculation of risk failed: 1, or 0.
SELECT 'failed' AS gauge, CAST(CASE outcome WHEN 'failed' THEN 1 ELSE 0 END AS double precision) AS value,
  CAST(NULL AS text) AS label_1, CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM (
  SELECT outcome
  FROM risk_assessments
  WHERE finished_at <= CAST(:at AS timestamptz)
  ORDER BY finished_at DESC, id DESC
  LIMIT 1
) AS newest
