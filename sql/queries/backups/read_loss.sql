-- What a loss of the database would have cost, just before each backup of it was made: the time since the one before.
SELECT started_at, extract(epoch FROM started_at - former) / 3600 AS hours
FROM (
  SELECT started_at, lag(started_at) OVER (ORDER BY started_at) AS former
  FROM (
    SELECT started_at
    FROM backups
    WHERE kind IN ('database', 'full') AND finished_at IS NOT NULL AND status <> 'failed' AND started_at <= now()
    ORDER BY started_at DESC
    LIMIT :most
  ) AS newest
) AS followed
WHERE former IS NOT NULL
ORDER BY started_at
