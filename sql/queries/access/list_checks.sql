-- The newest checks of balances.
SELECT checked_at, wallets, unreadable, slot, started_at, finished_at
FROM access_checks
ORDER BY checked_at DESC
LIMIT :rows
