-- Ends an attempt that is under way, without a signal; answers with the seconds that its steps took.
UPDATE signal_attempts
SET outcome = :outcome, reason = :reason, finished_at = now(), seconds = seconds + :seconds
WHERE id = CAST(:id AS uuid) AND outcome = 'working'
RETURNING seconds::float8
