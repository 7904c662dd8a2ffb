-- The unsettled trades of one batch, prices as the engine wants them.
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  engine_number(signal.entry_price) AS entry_price,
  engine_number(signal.stop_loss) AS stop_loss,
  engine_number(signal.take_profit_1) AS take_profit_1,
  engine_number(signal.take_profit_2) AS take_profit_2,
  engine_number(signal.take_profit_3) AS take_profit_3,
  engine_number(signal.allocation_1) AS allocation_1,
  engine_number(signal.allocation_2) AS allocation_2,
  engine_number(signal.allocation_3) AS allocation_3,
  engine_time(signal.generated_at) AS generated_at,
  engine_time(signal.expires_at) AS expires_at,
  claim.gate,
  claim.resolution,
  claim.data_source,
  claim.data_quality_score::float8 AS data_quality_score,
  claim.reason
FROM settlement_claims AS claim
JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
WHERE claim.claim_id = :claim_id AND claim.batch = :batch AND signal.status = 'active'
ORDER BY signal.symbol, signal.generated_at, signal.id
