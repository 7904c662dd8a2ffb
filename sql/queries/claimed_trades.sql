-- The unsettled trades of one batch, prices as the engine wants them.
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  signal.entry_price::float8 AS entry_price,
  signal.stop_loss::float8 AS stop_loss,
  signal.take_profit_1::float8 AS take_profit_1,
  signal.take_profit_2::float8 AS take_profit_2,
  signal.take_profit_3::float8 AS take_profit_3,
  signal.allocation_1::float8 AS allocation_1,
  signal.allocation_2::float8 AS allocation_2,
  signal.allocation_3::float8 AS allocation_3,
  signal.generated_at,
  signal.expires_at,
  claim.gate,
  claim.resolution,
  claim.data_source,
  claim.data_quality_score::float8 AS data_quality_score,
  claim.reason
FROM settlement_claims AS claim
JOIN trade_signals AS signal ON signal.id = claim.trade_signal_id
WHERE claim.claim_id = :claim_id AND claim.batch = :batch AND signal.status = 'active'
ORDER BY signal.symbol, signal.generated_at, signal.id
