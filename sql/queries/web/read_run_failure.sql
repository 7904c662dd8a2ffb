-- Why a run failed: what its first failing task said last; a failure of the run as a whole says only that.
SELECT error_message
FROM atge_error_logs
WHERE timestamp >= CAST(:since AS timestamptz) - interval '1 minute'
  AND context ->> 'run_id' = :run_id
ORDER BY (context ->> 'task_id') IS NULL, timestamp DESC
LIMIT 1
