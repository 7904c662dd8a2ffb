-- Failures that were kept on disk while the database was away bring their notice in their context: make it one.
WITH found AS (
  SELECT id, timestamp, context
  FROM atge_error_logs
  WHERE context ? 'notice'
  ORDER BY timestamp
  LIMIT :limit
  FOR UPDATE SKIP LOCKED
),
cleaned AS (
  UPDATE atge_error_logs AS kept
  SET
    context = kept.context - 'notice',
    severity = CASE WHEN told_with_its_task(found.context, found.timestamp) THEN 'low' ELSE kept.severity END
  FROM found
  WHERE kept.id = found.id
)
INSERT INTO alert_notices (
  id, created_at, notice_key, source, kind, fingerprint, cause, severity, title, body, labels, owner, link
)
SELECT
  found.id, found.timestamp, notice_key, 'failure', 'failure', fingerprint, fingerprint, severity, title, body, labels,
  owner, link
FROM found
CROSS JOIN LATERAL jsonb_to_record(found.context -> 'notice') AS notice (
  notice_key text, fingerprint text, severity text, title text, body jsonb, labels jsonb, owner text, link text
)
WHERE NOT told_with_its_task(found.context, found.timestamp)
ON CONFLICT DO NOTHING
