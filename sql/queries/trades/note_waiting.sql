-- Says at each trade that gate_trades has sent back why it waits. Joined by keys, as there.
UPDATE trade_signals AS signal
SET status_reason = claim.reason
FROM gate_verdicts AS verdict
JOIN settlement_claims AS claim ON claim.trade_signal_id = verdict.id
WHERE signal.id = verdict.id
  AND claim.claim_id = :claim_id
  AND claim.batch = :batch
  AND claim.gate = 'waiting'
  AND signal.status = 'active'
  AND signal.status_reason IS DISTINCT FROM claim.reason
