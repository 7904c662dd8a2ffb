-- Keeps a reading of /metrics for whoever asks within seconds.
INSERT INTO metric_readings (taken_at, samples)
VALUES (clock_timestamp(), CAST(:samples AS jsonb))
ON CONFLICT (single) DO UPDATE SET taken_at = excluded.taken_at, samples = excluded.samples
