-- The traffic light of the newest back-test of each forecast, within a week: 0 green, 1 yellow, 2 red.
SELECT 'traffic_light' AS gauge,
  CAST(CASE verdict WHEN 'green' THEN 0 WHEN 'yellow' THEN 1 ELSE 2 END AS double precision) AS value,
  portfolio_id AS label_1, method AS label_2, CAST(confidence AS text) AS label_3
FROM (
  SELECT DISTINCT ON (portfolio_id, method, confidence) portfolio_id, method, confidence, verdict
  FROM risk_validations
  WHERE test = 'traffic_light' AND missing IS NULL
    AND day BETWEEN CAST(CAST(:at AS timestamptz) AT TIME ZONE 'UTC' AS date) - 7
      AND CAST(CAST(:at AS timestamptz) AT TIME ZONE 'UTC' AS date)
  ORDER BY portfolio_id, method, confidence, day DESC
) AS newest
