-- The batches of a run's work list, with what is left of each.
SELECT batch, min(model) AS model, bool_or(redo) AS redo, count(*) AS trades,
  count(*) FILTER (WHERE finished_at IS NULL) AS unfinished
FROM analysis_requests
WHERE claim_id = :claim_id
GROUP BY batch
ORDER BY batch
