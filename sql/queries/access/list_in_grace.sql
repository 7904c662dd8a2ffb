-- Who is in grace now, the nearest end first.
SELECT granted.user_id, granted.since, granted.grace_ends_at
FROM access_grants AS granted
WHERE granted.state = 'grace' AND granted.grace_ends_at > now() - interval '1 day'
  AND NOT EXISTS (
    SELECT FROM access_grants AS later WHERE later.user_id = granted.user_id AND later.since > granted.since
  )
ORDER BY granted.grace_ends_at, granted.user_id
LIMIT :rows
