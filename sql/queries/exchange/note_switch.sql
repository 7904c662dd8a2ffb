-- A notice that the trading switch was turned, once. It is delivered at once, as one of a freeze is.
INSERT INTO alert_notices (notice_key, source, kind, fingerprint, cause, severity, title, body, owner)
VALUES (:key, 'system', 'freeze', 'trading switch', 'trading switch', :severity, :title, CAST(:body AS jsonb), 'trading')
ON CONFLICT (notice_key) DO NOTHING
