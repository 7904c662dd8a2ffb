-- Revokes an API key; one that is revoked stays as it is.
UPDATE api_keys
SET revoked_at = now(), revoked_by = :revoked_by
WHERE id = :id AND revoked_at IS NULL
