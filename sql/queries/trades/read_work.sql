-- Where the work on a trade stands: who holds it, what the gate said of it, which candles it has. One row, if there is
-- such a trade; the time is the database's.
SELECT
  now() AS now,
  signal.status = 'active' AND signal.expires_at <= now() AS is_waiting,
  claim.claim_id, claim.claimed_at, claim.lease_expires_at, claim.attempts, claim.next_attempt_at, claim.gate,
  claim.lease_expires_at > now() AS is_held, claim.reason, claim.resolution, claim.data_quality_score,
  coalesce(
    (SELECT data_resolution FROM trade_results WHERE trade_signal_id = signal.id),
    finest_resolution(signal.symbol, signal.generated_at, least(signal.expires_at, now()))
  ) AS chart_resolution
FROM trade_signals AS signal
LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
WHERE signal.id = :trade
