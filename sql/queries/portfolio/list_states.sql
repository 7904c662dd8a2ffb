-- Each portfolio that was ever seen whole: its newest snapshot and value, and the last failure since.
SELECT newest.portfolio_id, newest.source, newest.taken_at, newest.currency, newest.value, newest.positions,
  day.day, day.profit, day.daily_return, day.reason AS day_reason, failed.reason AS failure, failed.finished_at AS failed_at
FROM known_portfolios AS known
CROSS JOIN LATERAL (
  SELECT portfolio_id, source, taken_at, currency, value, positions, id
  FROM portfolio_syncs
  WHERE portfolio_id = known.portfolio_id AND outcome = 'complete'
  ORDER BY taken_at DESC
  LIMIT 1
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
WHERE CAST(:portfolio AS text) IS NULL OR known.portfolio_id = :portfolio
ORDER BY newest.portfolio_id
LIMIT :rows
