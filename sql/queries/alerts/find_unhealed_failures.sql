-- Is there a failure that the success of a task may have healed? Of the same task and map index in the same run, or in
-- any run of the same job that failed before this one began.
SELECT EXISTS (
  SELECT
  FROM atge_error_logs
  WHERE context ? 'dag_id'
    AND NOT context ? 'healed'
    AND context ->> 'dag_id' = :dag_id
    AND context ->> 'task_id' IS NOT DISTINCT FROM CAST(:task_id AS text)
    AND context ->> 'map_index' = CAST(:map_index AS text)
    AND (
      context ->> 'run_id' = :run_id
      OR (timestamp < CAST(:started_at AS timestamptz) AND coalesce(context ->> 'job', '') = :job)
    )
)
