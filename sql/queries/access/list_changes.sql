-- The newest changes of access.
SELECT user_id, state, since, grace_ends_at, reason
FROM access_grants
ORDER BY since DESC, user_id
LIMIT :rows
