-- A notice that waits for no other and is delivered at once, as that of a freeze, the trading switch or token access: written
-- once by its key, ever.
INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, owner)
VALUES (:key, 'system', 'announcement', :subject, :subject, :severity, :title, CAST(:body AS jsonb), :owner)
ON CONFLICT (notice_key) DO NOTHING
