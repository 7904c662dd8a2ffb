-- The newest changes of the trading switch, or those before a number; the newest first.
SELECT id, state, reason, changed_by, changed_at
FROM trading_switch
WHERE CAST(:before AS bigint) IS NULL OR id < CAST(:before AS bigint)
ORDER BY id DESC
LIMIT :limit
