-- Trades whose time is up, for who asks for a sweep: how many there are, are settled, are not; of the latter how many a
-- sweep takes that begins now, and how many wait for a later try, because something was wrong.
SELECT
  count(*) FILTER (WHERE signal.status <> 'cancelled') AS total,
  count(*) FILTER (WHERE signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data'))
    AS settled,
  count(*) FILTER (WHERE signal.status = 'active') AS pending,
  count(*) FILTER (
    WHERE signal.status = 'active'
      AND coalesce(claim.lease_expires_at, '-infinity') <= now() AND coalesce(claim.next_attempt_at, '-infinity') <= now()
  ) AS claimable,
  count(*) FILTER (WHERE signal.status = 'active' AND claim.next_attempt_at > now()) AS waiting
FROM trade_signals AS signal
LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
WHERE signal.expires_at <= now()
