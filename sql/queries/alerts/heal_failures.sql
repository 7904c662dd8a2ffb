-- A task has succeeded: its earlier failures are healed, those of other runs where they did the same job. Without a
-- task it is a run that ended well: that it was late is healed, and what was reported of runs as a whole. Of a mapped task
-- only those of the same index: that another batch went well proves nothing of this one, and an index that does not come
-- back is not healed. A cause of which no failure of the last day is left is reported as healed, where it was reported at all,
-- by the name of the work that suffered. The caller holds the advisory lock of this step.
WITH healed AS (
  UPDATE atge_error_logs
  SET context = context || jsonb_build_object('healed', CASE
    WHEN context ->> 'run_id' = :run_id THEN CAST(:message AS text)
    ELSE 'by a later run'
  END)
  WHERE context ? 'dag_id'
    AND NOT context ? 'healed'
    AND context ->> 'dag_id' = :dag_id
    AND context ->> 'task_id' IS NOT DISTINCT FROM CAST(:task_id AS text)
    AND context ->> 'map_index' = CAST(:map_index AS text)
    AND (
      context ->> 'run_id' = :run_id
      OR (timestamp < CAST(:started_at AS timestamptz) AND coalesce(context ->> 'job', '') = :job)
    )
  RETURNING id, context ->> 'healed' AS message
),
causes AS (
  SELECT notice.fingerprint, min(healed.message) AS message
  FROM healed
  JOIN alert_notices AS notice ON notice.id = healed.id AND notice.kind = 'failure'
  GROUP BY notice.fingerprint
),
ended AS (
  SELECT causes.fingerprint, causes.message, count(*) AS failures, max(notice.created_at) AS last
  FROM causes
  JOIN alert_notices AS notice ON notice.fingerprint = causes.fingerprint AND notice.kind = 'failure'
  LEFT JOIN atge_error_logs AS failure ON failure.id = notice.id
  WHERE notice.created_at > now() - interval '1 day'
  GROUP BY causes.fingerprint, causes.message
  HAVING bool_and(failure.id IS NULL OR failure.context ? 'healed' OR failure.id IN (SELECT id FROM healed))
)
INSERT INTO alert_notices (
  notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner, link
)
SELECT
  'healed ' || ended.fingerprint || ' ' || ended.last,
  'failure', 'healed', ended.fingerprint, ended.fingerprint, last.severity, last.title,
  jsonb_build_object('healed', ended.message), last.labels, last.owner, CAST(:link AS text)
FROM ended
CROSS JOIN LATERAL (
  SELECT *
  FROM alert_notices AS notice
  WHERE notice.fingerprint = ended.fingerprint AND notice.kind = 'failure'
  ORDER BY notice.body ? 'gives_way', created_at DESC
  LIMIT 1
) AS last
ON CONFLICT (notice_key) DO NOTHING
RETURNING id
