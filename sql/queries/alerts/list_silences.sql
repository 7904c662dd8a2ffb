-- Silences that have not ended, or ended not long ago.
SELECT *
FROM alert_silences
WHERE ends_at > coalesce(CAST(:at AS timestamptz), now()) - CAST(:ended_within AS interval)
  AND created_at < coalesce(CAST(:made_before AS timestamptz), 'infinity')
ORDER BY ends_at, id
LIMIT 1000
