-- All API keys, without their hashes: valid ones first, the newest of each first.
SELECT
  id, prefix, name, user_id, scopes, made_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
  CASE
    WHEN revoked_at IS NOT NULL THEN 'revoked'
    WHEN expires_at <= now() THEN 'expired'
    ELSE 'valid'
  END AS state
FROM api_keys
ORDER BY revoked_at IS NOT NULL, coalesce(expires_at <= now(), false), created_at DESC, id
