-- How a trade stands, for whoever wants work done on it; :only_user null: every user's.
SELECT
  signal.user_id, signal.status, signal.expires_at,
  signal.expires_at <= now() AS due,
  signal.generated_at < least(signal.expires_at, now()) AS has_window,
  signal.expires_at > signal.generated_at + interval '366 days' AS too_long,  -- for the collector of candles
  result.id IS NOT NULL AS has_result,
  result.ai_analysis IS NOT NULL AS analysed,
  coalesce(claim.lease_expires_at > now(), false) AS held,
  CASE WHEN claim.next_attempt_at > now() THEN claim.next_attempt_at END AS waits_until,
  coalesce(claim.reason, signal.status_reason) AS reason
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
WHERE signal.id = :id
  AND (CAST(:only_user AS uuid) IS NULL OR signal.user_id = :only_user)
