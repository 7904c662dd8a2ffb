-- A notice of a freeze: that it began, was ended, or ran out. Once.
INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, owner)
VALUES (:key, 'system', 'freeze', 'freeze', 'freeze', 'info', :title, CAST(:body AS jsonb), 'platform')
ON CONFLICT (notice_key) DO NOTHING
