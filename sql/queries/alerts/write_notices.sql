-- Writes notices; one that is there already stays as it is. Answers with the keys of the new ones.
INSERT INTO alert_notices (
  notice_key, created_at, source, kind, fingerprint, cause, severity, title, body, labels, owner, runbook_url,
  channels, level
)
SELECT
  notice_key, CAST(:at AS timestamptz), 'rule', kind, fingerprint, cause, severity, title, body, labels, owner,
  runbook_url, channels, level
FROM jsonb_to_recordset(CAST(:notices AS jsonb)) AS notice (
  notice_key text, kind text, fingerprint text, cause text, severity text, title text, body jsonb, labels jsonb,
  owner text, runbook_url text, channels text[], level integer
)
ON CONFLICT (notice_key) DO NOTHING
RETURNING notice_key
