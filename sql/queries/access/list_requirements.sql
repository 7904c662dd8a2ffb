-- Decisions since :since, in order.
SELECT valid_from, requirement, average_price, outcome, reason
FROM token_requirements
WHERE valid_from >= :since
ORDER BY valid_from
LIMIT :rows
