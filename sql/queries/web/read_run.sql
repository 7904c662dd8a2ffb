-- A run that the API started; :only_user null: every user's, and those that are nobody's.
SELECT id, dag_id, user_id, trade_signal_id, asked_at, started_at
FROM api_runs
WHERE id = :id AND (CAST(:only_user AS uuid) IS NULL OR user_id = :only_user)
