-- The wallets after one, in order.
SELECT wallet
FROM token_holders
WHERE removed_at IS NULL AND wallet > :after
ORDER BY wallet
LIMIT :wallets
