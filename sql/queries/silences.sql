-- Silences that have not ended, or ended not long ago.
SELECT *
FROM alert_silences
WHERE ends_at > now() - CAST(:ended_within AS interval)
ORDER BY ends_at, id
LIMIT 1000
