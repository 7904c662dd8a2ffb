-- Takes up to :limit settled trades that lack an analysis under a lease, the newest settlements first, and
-- answers with the facts that the model may use. Trades whose tries are used up stay as they are, with their
-- last_error.
WITH due AS (
  SELECT result.trade_signal_id
  FROM trade_results AS result
  JOIN trade_signals AS signal ON signal.id = result.trade_signal_id
  LEFT JOIN analysis_claims AS claim ON claim.trade_signal_id = result.trade_signal_id
  WHERE result.ai_analysis IS NULL
    AND signal.status IN ('completed_success', 'completed_failure')
    AND coalesce(claim.lease_expires_at, '-infinity') <= now()
    AND coalesce(claim.next_attempt_at, '-infinity') <= now()
    AND coalesce(claim.attempts, 0) < :attempts
  ORDER BY signal.completed_at DESC, result.trade_signal_id
  LIMIT :limit
  FOR UPDATE OF result SKIP LOCKED
), claimed AS (
  INSERT INTO analysis_claims AS held (trade_signal_id, claim_id, lease_expires_at, attempts)
  SELECT trade_signal_id, :claim_id, now() + :lease, 1 FROM due
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    claim_id = excluded.claim_id,
    lease_expires_at = excluded.lease_expires_at,
    attempts = held.attempts + 1,
    next_attempt_at = NULL
  WHERE held.lease_expires_at <= now() AND coalesce(held.next_attempt_at, '-infinity') <= now()
  RETURNING trade_signal_id
)
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  signal.timeframe,
  signal.entry_price, signal.stop_loss,
  signal.take_profit_1, signal.take_profit_2, signal.take_profit_3,
  signal.allocation_1, signal.allocation_2, signal.allocation_3,
  signal.confidence_score,
  signal.market_condition,
  signal.ai_reasoning,
  signal.generated_at,
  signal.expires_at,
  signal.status,
  result.exit_reason,
  result.entry_at, result.actual_entry_price,
  result.tp1_hit_at, result.tp2_hit_at, result.tp3_hit_at, result.sl_hit_at,
  result.exit_at, result.actual_exit_price,
  result.gross_profit_loss, result.fees_paid, result.slippage_cost, result.net_profit_loss,
  result.profit_loss_percentage, result.time_to_completion_minutes,
  result.max_favorable_excursion, result.max_adverse_excursion,
  result.data_source, result.data_resolution, result.data_quality_score
FROM claimed
JOIN trade_signals AS signal ON signal.id = claimed.trade_signal_id
JOIN trade_results AS result ON result.trade_signal_id = claimed.trade_signal_id
ORDER BY signal.completed_at DESC, signal.id
