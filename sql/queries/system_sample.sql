INSERT INTO system_samples (host, gauge, subject, value)
VALUES (:host, :gauge, :subject, :value)
ON CONFLICT DO NOTHING
