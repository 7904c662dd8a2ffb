-- Settles the trades in settled_rows that this claim still holds: result and status, all or nothing; triggers note
-- whose statistics are stale now. Run twice, the second run finds no active trade and changes nothing.
WITH mine AS MATERIALIZED (
  SELECT signal.id
  FROM trade_signals AS signal
  JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  JOIN settled_rows AS settled ON settled.id = signal.id
  WHERE claim.claim_id = :claim_id AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
), results AS (
  INSERT INTO trade_results AS former (
    trade_signal_id, entry_at, actual_entry_price,
    tp1_hit, tp1_hit_at, tp1_hit_price, tp2_hit, tp2_hit_at, tp2_hit_price, tp3_hit, tp3_hit_at, tp3_hit_price,
    sl_hit, sl_hit_at, sl_hit_price, exit_at, actual_exit_price, exit_reason, trade_size_usd,
    gross_profit_loss, fees_paid, slippage_cost, net_profit_loss, profit_loss_percentage,
    time_to_completion_minutes, max_favorable_excursion, max_adverse_excursion,
    data_source, data_resolution, data_quality_score, unseen_candles
  )
  SELECT
    settled.id, settled.entry_at, settled.actual_entry_price,
    settled.tp1_hit, settled.tp1_hit_at, settled.tp1_hit_price,
    settled.tp2_hit, settled.tp2_hit_at, settled.tp2_hit_price,
    settled.tp3_hit, settled.tp3_hit_at, settled.tp3_hit_price,
    settled.sl_hit, settled.sl_hit_at, settled.sl_hit_price,
    settled.exit_at, settled.actual_exit_price, settled.exit_reason, :trade_size_usd,
    settled.gross_profit_loss, settled.fees_paid, settled.slippage_cost,
    -- in numeric, so that the identity net = gross - fees - slippage holds to the last digit
    settled.gross_profit_loss - settled.fees_paid - settled.slippage_cost,
    settled.profit_loss_percentage,
    settled.time_to_completion_minutes, settled.max_favorable_excursion, settled.max_adverse_excursion,
    settled.data_source, settled.data_resolution, settled.data_quality_score, settled.unseen_candles
  FROM settled_rows AS settled
  JOIN mine USING (id)
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    -- a trade that was set back to active by hand is settled anew, and its old analysis goes
    entry_at = excluded.entry_at, actual_entry_price = excluded.actual_entry_price,
    tp1_hit = excluded.tp1_hit, tp1_hit_at = excluded.tp1_hit_at, tp1_hit_price = excluded.tp1_hit_price,
    tp2_hit = excluded.tp2_hit, tp2_hit_at = excluded.tp2_hit_at, tp2_hit_price = excluded.tp2_hit_price,
    tp3_hit = excluded.tp3_hit, tp3_hit_at = excluded.tp3_hit_at, tp3_hit_price = excluded.tp3_hit_price,
    sl_hit = excluded.sl_hit, sl_hit_at = excluded.sl_hit_at, sl_hit_price = excluded.sl_hit_price,
    exit_at = excluded.exit_at, actual_exit_price = excluded.actual_exit_price,
    exit_reason = excluded.exit_reason, trade_size_usd = excluded.trade_size_usd,
    gross_profit_loss = excluded.gross_profit_loss, fees_paid = excluded.fees_paid,
    slippage_cost = excluded.slippage_cost, net_profit_loss = excluded.net_profit_loss,
    profit_loss_percentage = excluded.profit_loss_percentage,
    time_to_completion_minutes = excluded.time_to_completion_minutes,
    max_favorable_excursion = excluded.max_favorable_excursion,
    max_adverse_excursion = excluded.max_adverse_excursion,
    data_source = excluded.data_source, data_resolution = excluded.data_resolution,
    data_quality_score = excluded.data_quality_score, unseen_candles = excluded.unseen_candles,
    ai_analysis = NULL, ai_analysis_detail = NULL, ai_analysis_generated_at = NULL
), signals AS (
  UPDATE trade_signals AS signal
  SET status = settled.status, status_reason = settled.status_reason, completed_at = now()
  FROM settled_rows AS settled
  JOIN mine USING (id)
  WHERE signal.id = settled.id
  RETURNING signal.status
), released AS (
  DELETE FROM settlement_claims WHERE trade_signal_id IN (SELECT id FROM mine)
)
SELECT status, count(*) AS trades FROM signals GROUP BY status ORDER BY status
