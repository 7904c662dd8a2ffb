-- How the sweep stands today (UTC): what waits, what falls due later, what was settled and how late.
WITH today AS (
  SELECT
    date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS begins,
    (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC' AS ends
), settled AS (
  SELECT
    count(*) AS settled,
    count(*) FILTER (WHERE status = 'incomplete_data') AS incomplete,
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
      ORDER BY extract(epoch FROM ordinary_time(completed_at) - ordinary_time(expires_at))
    ) FILTER (WHERE status <> 'incomplete_data' AND completed_at >= expires_at) AS latencies
  FROM today
  JOIN trade_signals ON coalesce(completed_at, expires_at) >= begins AND coalesce(completed_at, expires_at) < ends
  WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
)
SELECT
  now() AS at, waiting.due, waiting.expired_waiting - waiting.due AS held, waiting.due_for_seconds,
  (SELECT count(*) FROM trade_signals, today WHERE status = 'active' AND expires_at > now() AND expires_at < ends) AS due_later,
  settled.settled, settled.incomplete, latencies[1] AS latency_p50, latencies[2] AS latency_p95
FROM measure_due_trades(now()) AS waiting, settled
