-- Writes a failure down once. Answers true when it is news: not seen before and, for a run, not the
-- consequence of a failed task of the same run, which has been told on its own.
WITH written AS (
  INSERT INTO atge_error_logs (id, error_type, error_message, error_stack, severity, context)
  VALUES (:id, :area, :error, :stack, 'high', CAST(:context AS jsonb))
  ON CONFLICT (id) DO NOTHING
  RETURNING id
)
SELECT
  EXISTS (SELECT 1 FROM written)
  AND NOT (
    :of_run
    AND EXISTS (
      SELECT 1
      FROM atge_error_logs
      WHERE timestamp > now() - interval '1 day'
        AND context ->> 'dag_id' = :dag_id
        AND context ->> 'run_id' = :run_id
        AND context ->> 'task_id' IS NOT NULL
    )
  ) AS news
