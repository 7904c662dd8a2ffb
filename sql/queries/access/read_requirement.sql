-- What is required now, since when, and the newest price that was believed.
SELECT
  newest.requirement, newest.average_price, newest.outcome, newest.reason, newest.valid_from,
  (
    SELECT max(valid_from) FROM token_requirements
    WHERE valid_from <= now() AND outcome IN ('first', 'raised', 'lowered')
  ) AS changed_at,
  look.price, look.taken_at AS priced_at
FROM (SELECT) AS nothing
LEFT JOIN LATERAL (
  SELECT requirement, average_price, outcome, reason, valid_from
  FROM token_requirements
  WHERE valid_from <= now()
  ORDER BY valid_from DESC
  LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
  SELECT taken_at, CAST(avg(price) AS numeric) AS price
  FROM token_prices
  WHERE refused IS NULL AND taken_at = (SELECT max(taken_at) FROM token_prices WHERE refused IS NULL AND taken_at <= now())
  GROUP BY taken_at
) AS look ON true
