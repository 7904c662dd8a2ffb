-- What a filter names and no trade has: symbols, users, trades.
SELECT 'symbol' AS kind, named.value
FROM unnest(CAST(:symbols AS text[])) AS named (value)
WHERE NOT EXISTS (SELECT FROM trade_signals WHERE symbol = named.value)
UNION ALL
SELECT 'user', named.value::text
FROM unnest(CAST(:users AS uuid[])) AS named (value)
WHERE NOT EXISTS (SELECT FROM trade_signals WHERE user_id = named.value)
UNION ALL
SELECT 'trade', named.value::text
FROM unnest(CAST(:trade_ids AS uuid[])) AS named (value)
WHERE NOT EXISTS (SELECT FROM trade_signals WHERE id = named.value)
ORDER BY 1, 2
