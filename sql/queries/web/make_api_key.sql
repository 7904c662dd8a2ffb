-- Stores a new API key: its hash, never the key.
INSERT INTO api_keys (key_hash, prefix, name, user_id, scopes, made_by, expires_at)
VALUES (
  :key_hash, :prefix, :name, :user_id, :scopes, :made_by,
  clock_timestamp() + CAST(:lasts AS interval)
)
