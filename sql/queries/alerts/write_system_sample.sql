-- Write down what a machine's gauges say now.
INSERT INTO system_samples (host, gauge, subject, value)
VALUES (:host, :gauge, :subject, :value)
ON CONFLICT DO NOTHING
