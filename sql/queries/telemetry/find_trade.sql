-- A trade, if :only_user may see it (null: everybody's).
SELECT id
FROM trade_signals
WHERE id = CAST(:id AS uuid) AND (CAST(:only_user AS uuid) IS NULL OR user_id = CAST(:only_user AS uuid))
