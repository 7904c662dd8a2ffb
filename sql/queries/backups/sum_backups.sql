-- The space of the backups that are there, by kind; how many failed of late, and the newest of each kind that is good.
SELECT
  kind,
  count(*) FILTER (WHERE status = 'complete') AS backups,
  coalesce(sum(bytes) FILTER (WHERE status = 'complete'), 0) AS bytes,
  max(started_at) FILTER (WHERE status = 'complete' AND started_at <= now()) AS newest,
  max(started_at) FILTER (
    WHERE status = 'complete' AND verified IN ('decoded', 'hashed') AND started_at <= now()
  ) AS newest_good,
  count(*) FILTER (
    WHERE (status IN ('failed', 'lost') OR verified = 'bad') AND started_at > now() - interval '30 days'
  ) AS failed
FROM backups
GROUP BY kind
ORDER BY kind
