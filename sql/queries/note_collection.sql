-- Writes down, for the trades of one symbol, why candles are missing; the gate repeats it to the operator.
UPDATE settlement_claims AS claim
SET reason = missing.reason
FROM trade_signals AS signal
JOIN unnest(CAST(:symbols AS text[]), CAST(:reasons AS text[])) AS missing (symbol, reason)
  ON missing.symbol = signal.symbol
WHERE signal.id = claim.trade_signal_id
  AND claim.claim_id = :claim_id
  AND claim.batch = :batch
  AND claim.gate IS NULL
