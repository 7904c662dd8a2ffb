-- A notice about token access, once. It is delivered at once, as one of a freeze is.
INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, owner)
VALUES (:key, 'system', 'freeze', 'token access', 'token access', :severity, :title, CAST(:body AS jsonb), 'platform')
ON CONFLICT (notice_key) DO NOTHING
