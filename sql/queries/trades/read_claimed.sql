-- The trades of one batch that are neither settled nor sent back, prices as the engine wants them, and what the
-- sources said when candles were collected.
SELECT trade.*, claim.reason
FROM settlement_claims AS claim
JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
CROSS JOIN LATERAL engine_trade(signal) AS trade
WHERE claim.claim_id = :claim_id
  AND claim.batch = :batch
  AND claim.gate IS DISTINCT FROM 'waiting'
  AND signal.status = 'active'
ORDER BY signal.symbol, signal.generated_at, signal.id
