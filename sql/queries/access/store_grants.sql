-- Keeps changes of a page of users, each once.
INSERT INTO access_grants (user_id, state, since, grace_ends_at, held_since, reason)
SELECT user_id, state, since, grace_ends_at, held_since, reason
FROM jsonb_to_recordset(CAST(:grants AS jsonb)) AS grants (
  user_id uuid, state text, since timestamptz, grace_ends_at timestamptz, held_since timestamptz, reason text
)
ON CONFLICT (user_id, since) DO NOTHING
