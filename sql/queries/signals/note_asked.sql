-- Counts a question that was put to the model, and what it cost.
UPDATE signal_attempts
SET asked = asked + 1, cost_usd = coalesce(cost_usd, 0) + coalesce(CAST(:cost_usd AS numeric), 0)
WHERE id = CAST(:id AS uuid)
