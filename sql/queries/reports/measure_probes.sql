-- Looks of the probes at each service in a period: how many, and how many found it healthy. A look that did not ask is none.
SELECT
  service,
  count(*) AS looks,
  count(*) FILTER (WHERE status = 'healthy') AS healthy,
  count(*) FILTER (WHERE status = 'degraded') AS degraded,
  count(*) FILTER (WHERE status = 'down') AS down,
  bool_or(sandbox) AS sandbox
FROM probe_results
WHERE checked_at >= :begins AND checked_at < :ends AND status IS NOT NULL
GROUP BY service
ORDER BY count(*) FILTER (WHERE status = 'healthy')::numeric / count(*), service
