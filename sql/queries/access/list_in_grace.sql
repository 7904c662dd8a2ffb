-- Who is in grace now, the nearest end first.
SELECT user_id, since, grace_ends_at
FROM access_in_grace
WHERE grace_ends_at > now() - interval '1 day'
ORDER BY grace_ends_at, user_id
LIMIT :rows
