-- Writes a failure down once and, when it is news, a notice of it. It is no news when it was seen
-- before, when it will be tried again (no notice is given), or when a run failed with a task that was reported on its own.
-- That a run is late is news all the same. A failure of a run that is no news is a row of low severity: its task's row
-- says how bad it is.
WITH written AS (
  INSERT INTO atge_error_logs (id, error_type, error_message, error_stack, severity, context)
  SELECT id, error_type, error_message, error_stack,
    CASE WHEN told_with_its_task(context, now()) THEN 'low' ELSE severity END, context
  FROM jsonb_populate_record(NULL::atge_error_logs, CAST(:row AS jsonb))
  ON CONFLICT (id) DO NOTHING
  RETURNING id, context
)
INSERT INTO alert_notices (
  id, notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner, link
)
SELECT
  written.id, notice_key, 'failure', 'failure', fingerprint, fingerprint, severity, title, body, labels, owner, link
FROM written
CROSS JOIN jsonb_to_record(CAST(:notice AS jsonb)) AS notice (
  notice_key text, fingerprint text, severity text, title text, body jsonb, labels jsonb, owner text, link text
)
WHERE notice_key IS NOT NULL
  AND NOT told_with_its_task(written.context, now())
ON CONFLICT (notice_key) DO NOTHING
RETURNING id
