-- The unsettled trades of one batch, prices as the engine wants them.
SELECT
  trade.*,
  claim.gate,
  claim.resolution,
  claim.data_source,
  claim.data_quality_score::float8 AS data_quality_score,
  claim.reason
FROM settlement_claims AS claim
JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
CROSS JOIN LATERAL engine_trade(signal) AS trade
WHERE claim.claim_id = :claim_id AND claim.batch = :batch AND signal.status = 'active'
ORDER BY signal.symbol, signal.generated_at, signal.id
