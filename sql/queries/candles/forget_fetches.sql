-- Forgets what was asked more than 30 days ago; the rest of a long backlog is left for the next time.
DELETE FROM candle_fetches
WHERE id IN (
  SELECT id FROM candle_fetches
  WHERE fetched_at < CAST(:now AS timestamptz) - interval '30 days'
  ORDER BY fetched_at
  LIMIT 10000
)
