-- By the end of each grace, as of :at: who began it then, who waits for it, whom it left, and who lost access at it.
SELECT
  granted.grace_ends_at,
  count(*) FILTER (WHERE granted.since = :at) AS began,
  count(*) FILTER (WHERE next.since IS NULL) AS waiting,
  count(*) FILTER (WHERE next.since >= granted.grace_ends_at) AS ended,
  count(*) FILTER (WHERE next.since = :at AND next.state = 'none') AS lost,
  count(*) FILTER (WHERE next.since >= granted.grace_ends_at AND next.state = 'none') AS lost_in_all,
  (array_agg(granted.user_id ORDER BY granted.user_id) FILTER (WHERE granted.since = :at))[1:11] AS who_began,
  (array_agg(granted.user_id ORDER BY granted.user_id) FILTER (WHERE next.since IS NULL))[1:11] AS who_waits,
  (
    array_agg(granted.user_id ORDER BY granted.user_id) FILTER (WHERE next.since = :at AND next.state = 'none')
  )[1:11] AS who_lost
FROM access_grants AS granted
LEFT JOIN LATERAL (
  SELECT since, state
  FROM access_grants AS later
  WHERE later.user_id = granted.user_id AND later.since > granted.since AND later.since <= :at
  ORDER BY later.since
  LIMIT 1
) AS next ON true
WHERE granted.state = 'grace' AND granted.grace_ends_at > CAST(:at AS timestamptz) - interval '1 day'
  AND granted.since <= :at
GROUP BY granted.grace_ends_at
ORDER BY granted.grace_ends_at
