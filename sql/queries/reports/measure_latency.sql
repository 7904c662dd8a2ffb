-- How long trades waited for their settlement in each period, in seconds from expires_at to completed_at, in the order of
-- :begins. As daily_kpis has it for a day: trades completed before their expiry are left out.
SELECT waited.trades, waited.seconds[1] AS p50, waited.seconds[2] AS p95, waited.seconds[3] AS p99
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
CROSS JOIN LATERAL (
  SELECT
    count(*) AS trades,
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
      ORDER BY extract(epoch FROM ordinary_time(completed_at) - ordinary_time(expires_at))
    ) AS seconds
  FROM trade_signals
  WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    AND status <> 'incomplete_data'
    AND coalesce(completed_at, expires_at) >= period.begins AND coalesce(completed_at, expires_at) < period.ends
    AND completed_at >= expires_at
) AS waited
ORDER BY period.place
