-- The balances that the exchange which was looked at last gave in its last look; those of a look are written at once.
SELECT exchange, currency, total, free, used, taken_at
FROM exchange_balances
WHERE id > (SELECT max(id) FROM exchange_balances) - 1000
  AND (exchange, taken_at) = (SELECT exchange, taken_at FROM exchange_balances ORDER BY id DESC LIMIT 1)
ORDER BY total DESC, currency
LIMIT :rows
