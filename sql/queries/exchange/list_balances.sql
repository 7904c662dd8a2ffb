-- The balances that the exchange which was looked at last gave in its last look.
SELECT exchange, currency, total, free, used, taken_at
FROM exchange_balances
WHERE (exchange, taken_at) = (SELECT exchange, taken_at FROM exchange_balances ORDER BY id DESC LIMIT 1)
ORDER BY total DESC, currency
LIMIT :rows
