-- Is there a failure that the success of a task may have healed? Of the same task in the same run, or of the task
-- in any run that failed before this one began.
SELECT EXISTS (
  SELECT
  FROM atge_error_logs
  WHERE context ? 'dag_id'
    AND NOT context ? 'healed'
    AND context ->> 'dag_id' = :dag_id
    AND context ->> 'task_id' = :task_id
    AND (
      (context ->> 'run_id' = :run_id AND context ->> 'map_index' = CAST(:map_index AS text))
      OR (context ->> 'run_id' <> :run_id AND timestamp < CAST(:started_at AS timestamptz))
    )
)
