-- The week's list of silences, once.
INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, owner)
VALUES (
  'silences ' || :week, 'system', 'silences', 'silences', 'silences', 'info',
  'Silences of the week ' || :week || ': ' || CAST(:count AS text),
  jsonb_build_object('list', CAST(:lines AS text)), 'platform'
)
ON CONFLICT (notice_key) DO NOTHING
