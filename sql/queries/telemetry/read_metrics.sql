-- The last reading of /metrics, if it is at most :fresh seconds old.
SELECT samples, extract(epoch FROM clock_timestamp() - taken_at) AS age
FROM metric_readings
WHERE taken_at BETWEEN clock_timestamp() - make_interval(secs => :fresh) AND clock_timestamp()
