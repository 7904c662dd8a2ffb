-- Grants of grace that no later grant of their user has replaced; also those whose end has passed since.
CREATE OR REPLACE VIEW access_in_grace WITH (security_invoker = true) AS
SELECT user_id, since, grace_ends_at
FROM access_grants AS granted
WHERE state = 'grace'
  AND NOT EXISTS (
    SELECT FROM access_grants AS later WHERE later.user_id = granted.user_id AND later.since > granted.since
  );

COMMENT ON VIEW access_in_grace IS 'Who is in grace of token access, until the next judgement: docs/access.md';
