-- How the sweep keeps up, now.
WITH expired AS MATERIALIZED (
  SELECT
    -- Due: past its end, and nobody holds it or waits with it for better data.
    greatest(signal.expires_at, claim.lease_expires_at, claim.next_attempt_at) AS due_at
  FROM trade_signals AS signal
  LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  WHERE signal.status = 'active' AND signal.expires_at <= CAST(:at AS timestamptz)
)
SELECT 'expired_waiting' AS gauge, CAST(count(*) AS double precision) AS value,
  CAST(NULL AS text) AS label_1, CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM expired
UNION ALL
SELECT 'due', count(*) FILTER (WHERE due_at <= CAST(:at AS timestamptz)), NULL, NULL, NULL
FROM expired
UNION ALL
SELECT
  'due_for_seconds', coalesce(greatest(0, extract(epoch FROM CAST(:at AS timestamptz) - engine_time(min(due_at)))), 0),
  NULL, NULL, NULL
FROM expired
