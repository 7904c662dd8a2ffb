-- Ends a run with what it found, unless another one has given it up for killed.
UPDATE reconciliations
SET
  outcome = :outcome, reason = :reason, checked = :checked, differences = :differences, resolved = :resolved,
  finished_at = clock_timestamp(), took = clock_timestamp() - started_at
WHERE id = :id AND outcome = 'working'
