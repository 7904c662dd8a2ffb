-- Each portfolio that was ever seen whole: its newest snapshot and value, and the last failure since.
SELECT newest.portfolio_id, newest.source, newest.taken_at, newest.currency, newest.value, newest.positions,
  day.day, day.profit, day.daily_return, day.reason AS day_reason, failed.reason AS failure, failed.finished_at AS failed_at
FROM (
  SELECT DISTINCT ON (portfolio_id) portfolio_id, source, taken_at, currency, value, positions, id
  FROM portfolio_syncs
  WHERE outcome = 'complete' AND (CAST(:portfolio AS text) IS NULL OR portfolio_id = :portfolio)
  ORDER BY portfolio_id, taken_at DESC
) AS newest
LEFT JOIN LATERAL (
  SELECT day, profit, daily_return, reason
  FROM portfolio_values
  WHERE portfolio_id = newest.portfolio_id
  ORDER BY day DESC
  LIMIT 1
) AS day ON true
LEFT JOIN LATERAL (
  SELECT reason, finished_at
  FROM portfolio_syncs
  WHERE outcome = 'failed' AND id > newest.id AND source = newest.source
    AND (portfolio_id IS NULL OR portfolio_id = newest.portfolio_id)
  ORDER BY id DESC
  LIMIT 1
) AS failed ON true
ORDER BY newest.portfolio_id
LIMIT :rows
