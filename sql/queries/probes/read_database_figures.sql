-- What PostgreSQL's probe measured last, and what was counted since the look of an hour ago, or the oldest within it.
-- Counters that began anew in between, after a crash or a reset, say nothing of the time before.
WITH looks AS (
  SELECT checked_at, answer -> 'figures' AS figures
  FROM probe_results
  WHERE service = 'postgres' AND asked_at = checked_at AND answer -> 'figures' ? 'commits'
    AND checked_at > now() - interval '1 hour' AND checked_at <= now()
),
newest AS (SELECT * FROM looks ORDER BY checked_at DESC LIMIT 1),
oldest AS (SELECT * FROM looks ORDER BY checked_at LIMIT 1),
counted AS (
  SELECT
    newest.figures,
    newest.checked_at,
    extract(epoch FROM newest.checked_at - oldest.checked_at) AS seconds,
    (newest.figures ->> 'commits')::bigint - (oldest.figures ->> 'commits')::bigint AS commits,
    (newest.figures ->> 'rollbacks')::bigint - (oldest.figures ->> 'rollbacks')::bigint AS rollbacks,
    (newest.figures ->> 'deadlocks')::bigint - (oldest.figures ->> 'deadlocks')::bigint AS deadlocks,
    (newest.figures ->> 'blocks_hit')::bigint - (oldest.figures ->> 'blocks_hit')::bigint AS hit,
    (newest.figures ->> 'blocks_read')::bigint - (oldest.figures ->> 'blocks_read')::bigint AS read,
    newest.checked_at > oldest.checked_at
      AND (newest.figures ->> 'commits')::bigint >= (oldest.figures ->> 'commits')::bigint
      AND (newest.figures ->> 'blocks_hit')::bigint >= (oldest.figures ->> 'blocks_hit')::bigint AS comparable
  FROM newest, oldest
)
SELECT
  checked_at,
  figures -> 'connections' AS connections,
  (figures ->> 'commits')::bigint + (figures ->> 'rollbacks')::bigint AS transactions,
  (figures ->> 'deadlocks')::bigint AS deadlocks,
  figures ->> 'counted_since' AS counted_since,
  figures -> 'slow_statements' AS slow_statements,
  CASE WHEN comparable THEN round(((commits + rollbacks) / seconds)::numeric, 2) END AS transactions_a_second,
  CASE WHEN comparable THEN deadlocks END AS deadlocks_lately,
  CASE WHEN comparable THEN round(100.0 * hit / nullif(hit + read, 0), 2) END AS cache_hits_percent,
  round(seconds)::integer AS lately_seconds
FROM counted
