-- How the sweep keeps up at a moment: trades past their end, those of them that are due, which is whom nobody holds or
-- waits with for better data, and for how long the oldest of these has been.
CREATE OR REPLACE FUNCTION measure_due_trades(
  at timestamptz, OUT expired_waiting bigint, OUT due bigint, OUT due_for_seconds double precision
)
LANGUAGE sql STABLE AS $$
  SELECT
    count(*),
    count(*) FILTER (WHERE due_at <= at),
    coalesce(greatest(0, extract(epoch FROM at - engine_time(min(due_at)))), 0)
  FROM (
    SELECT greatest(signal.expires_at, claim.lease_expires_at, claim.next_attempt_at) AS due_at
    FROM trade_signals AS signal
    LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
    WHERE signal.status = 'active' AND signal.expires_at <= at
  ) AS expired
$$;

COMMENT ON FUNCTION measure_due_trades IS 'How many trades wait to be settled at a moment, and for how long';
