-- The decision before :at, and the average at the last one that changed the requirement.
SELECT
  requirement, average_price, outcome, reason, valid_from, grace_ends_at,
  (
    SELECT average_price
    FROM token_requirements
    WHERE valid_from < :at AND outcome IN ('first', 'raised', 'lowered')
    ORDER BY valid_from DESC
    LIMIT 1
  ) AS basis
FROM token_requirements
WHERE valid_from < :at
ORDER BY valid_from DESC
LIMIT 1
