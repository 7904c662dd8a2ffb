-- Whether a portfolio has no value of the last day but today that is no weekend, and did not fail just now.
SELECT NOT EXISTS (
  SELECT
  FROM portfolio_values
  WHERE portfolio_id = :portfolio_id
    AND day >= CAST(:today AS date) - CASE extract(isodow FROM CAST(:today AS date)) WHEN 1 THEN 3 WHEN 7 THEN 2 ELSE 1 END
)
AND NOT EXISTS (
  SELECT
  FROM portfolio_syncs
  WHERE portfolio_id = :portfolio_id AND outcome = 'failed' AND finished_at > now() - interval '15 minutes'
)
