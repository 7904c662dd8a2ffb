-- Looks before :at that nobody has decided by, in order.
SELECT DISTINCT taken_at
FROM token_prices
WHERE taken_at < :at
  AND NOT EXISTS (SELECT FROM token_requirements WHERE valid_from = taken_at)
ORDER BY taken_at
