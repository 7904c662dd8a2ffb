-- Is the failure that this context describes one of a run whose task failed and was told on its own, or refused what
-- somebody asked for? Then it is no news. That a run is late is news all the same. `at` is when the run failed.
CREATE OR REPLACE FUNCTION told_with_its_task(failure jsonb, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT
    failure ->> 'task_id' IS NULL
    AND NOT failure ? 'late'
    AND EXISTS (
      SELECT
      FROM atge_error_logs AS earlier
      WHERE earlier.context ? 'dag_id'
        AND earlier.context ->> 'dag_id' = failure ->> 'dag_id'
        AND earlier.context ->> 'run_id' = failure ->> 'run_id'
        AND earlier.context ->> 'task_id' IS NOT NULL
        AND (earlier.severity <> 'low' OR earlier.context ? 'refused')
        AND earlier.timestamp > at - interval '1 day'
    )
$$;

COMMENT ON FUNCTION told_with_its_task IS
  'Does this context of a failure describe a run whose failed task was told on its own?';
