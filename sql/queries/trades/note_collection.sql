-- Writes down, for the trades of some symbols, why candles are missing; the gate repeats it to the operator.
WITH mine AS MATERIALIZED (
  SELECT claim.trade_signal_id, missing.reason
  FROM settlement_claims AS claim
  JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
  JOIN unnest(CAST(:symbols AS text[]), CAST(:reasons AS text[])) AS missing (symbol, reason)
    ON missing.symbol = signal.symbol
  WHERE claim.claim_id = :claim_id AND claim.batch = :batch AND claim.gate IS NULL
  ORDER BY claim.trade_signal_id
  FOR UPDATE OF claim
)
UPDATE settlement_claims AS claim
SET reason = mine.reason
FROM mine
WHERE claim.trade_signal_id = mine.trade_signal_id
