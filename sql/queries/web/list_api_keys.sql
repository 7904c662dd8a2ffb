-- API keys in one state, or in any, behind a place in the list, without their hashes; the newest first. :find is part of
-- a name, the beginning of a key, or a user.
SELECT *
FROM (
  SELECT
    id, prefix, name, user_id, scopes, made_by, created_at, expires_at, last_used_at, revoked_at, revoked_by,
    CASE
      WHEN revoked_at IS NOT NULL THEN 'revoked'
      WHEN expires_at <= now() THEN 'expired'
      ELSE 'valid'
    END AS state
  FROM api_keys
) AS key
WHERE (CAST(:state AS text) IS NULL OR state = :state)
  AND (
    CAST(:find AS text) IS NULL
    OR strpos(lower(name), lower(:find)) > 0
    OR starts_with(prefix, :find)
    OR user_id::text = lower(:find)
  )
  AND (
    CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, CAST(:behind_id AS uuid))
  )
ORDER BY created_at DESC, id DESC
LIMIT :limit
