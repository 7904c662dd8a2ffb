-- Writes down what a step found for an attempt that is under way.
UPDATE signal_attempts
SET
  snapshot = coalesce(CAST(:snapshot AS jsonb), snapshot),
  indicators = coalesce(CAST(:indicators AS jsonb), indicators),
  recent_candles = coalesce(CAST(:recent_candles AS jsonb), recent_candles),
  proposal = coalesce(CAST(:proposal AS jsonb), proposal),
  seconds = seconds + :seconds
WHERE id = CAST(:id AS uuid) AND outcome = 'working'
