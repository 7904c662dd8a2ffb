-- The windows of the trades of one batch that the gate has not judged yet.
SELECT signal.symbol, engine_time(signal.generated_at) AS start, engine_time(signal.expires_at) AS "end"
FROM settlement_claims AS claim
JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
WHERE claim.claim_id = :claim_id
  AND claim.batch = :batch
  AND claim.gate IS NULL
  AND signal.status = 'active'
  AND engine_time(signal.generated_at) < engine_time(signal.expires_at)
