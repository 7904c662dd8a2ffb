-- Writes what a replay found for the trades in replayed_rows; in a dry run, only the notes for its report.
--
-- After replay_lock, in one transaction a batch: the former result goes into the history, the new one takes its
-- place, the analysis of the old one is set aside, and each trade is noted as done. A trade whose rows changed
-- since they were read is left to do. Run twice, the second run finds nothing to do. completed_at stays: it says
-- when the trade was first settled, and the order of a user's trades does not change. The work list's rows, which
-- are locked, are found again by their place: the planner knows too little of a new list to find them well.
-- Triggers note whose statistics are stale.
WITH compared AS MATERIALIZED (
  SELECT
    found.id,
    found,
    item.ctid AS place,
    signal.user_id, signal.status, signal.status_reason, signal.completed_at,
    result.net_profit_loss,
    CASE WHEN result.id IS NOT NULL THEN to_jsonb(result) END AS result,
    found.judged AND (
      signal.status, signal.status_reason,
      result.entry_at, result.actual_entry_price, result.tp1_hit, result.tp1_hit_at, result.tp1_hit_price,
      result.tp2_hit, result.tp2_hit_at, result.tp2_hit_price, result.tp3_hit, result.tp3_hit_at,
      result.tp3_hit_price, result.sl_hit, result.sl_hit_at, result.sl_hit_price, result.exit_at,
      result.actual_exit_price, result.exit_reason, result.trade_size_usd, result.gross_profit_loss,
      result.fees_paid, result.slippage_cost, result.net_profit_loss, result.profit_loss_percentage,
      result.time_to_completion_minutes, result.max_favorable_excursion, result.max_adverse_excursion,
      result.data_source, result.data_resolution, result.data_quality_score,
      coalesce(result.unseen_candles, found.unseen_candles)  -- counting what nobody had counted changes nothing
    ) IS DISTINCT FROM (
      found.status, found.status_reason,
      found.entry_at, found.actual_entry_price, found.tp1_hit, found.tp1_hit_at, found.tp1_hit_price,
      found.tp2_hit, found.tp2_hit_at, found.tp2_hit_price, found.tp3_hit, found.tp3_hit_at,
      found.tp3_hit_price, found.sl_hit, found.sl_hit_at, found.sl_hit_price, found.exit_at,
      found.actual_exit_price, found.exit_reason, found.trade_size_usd, found.gross_profit_loss,
      found.fees_paid, found.slippage_cost, found.net_profit_loss, found.profit_loss_percentage,
      found.time_to_completion_minutes, found.max_favorable_excursion, found.max_adverse_excursion,
      found.data_source, found.data_resolution, found.data_quality_score, found.unseen_candles
    ) AS changed,
    :redo_analysis AND result.ai_analysis IS NOT NULL AS aside,
    :redo_analysis AND result.ai_analysis IS NULL AND EXISTS (
      SELECT FROM analysis_claims AS claim
      WHERE claim.trade_signal_id = found.id AND claim.given_up_at IS NOT NULL
    ) AS tried_again
  FROM replayed_rows AS found
  JOIN replay_trades AS item
    ON item.replay_id = :replay_id AND item.batch = :batch AND item.trade_signal_id = found.id
  JOIN trade_signals AS signal ON signal.id = found.id
  LEFT JOIN trade_results AS result ON result.trade_signal_id = found.id
  WHERE item.outcome IS NULL
    AND signal.updated_at = found.signal_version
    AND result.updated_at IS NOT DISTINCT FROM found.result_version
), history AS (
  INSERT INTO trade_result_history (
    trade_signal_id, replay_id, replaced_by, reason, run_url,
    status, status_reason, completed_at, net_profit_loss, result
  )
  SELECT
    compared.id, replay.id, replay.requested_by, replay.reason, replay.run_url,
    compared.status, compared.status_reason, compared.completed_at, compared.net_profit_loss, compared.result
  FROM compared
  CROSS JOIN (SELECT * FROM replays WHERE id = :replay_id) AS replay
  WHERE (changed OR aside) AND NOT replay.dry_run
), written AS (
  INSERT INTO trade_results AS former (
    trade_signal_id,
    entry_at, actual_entry_price, tp1_hit, tp1_hit_at, tp1_hit_price, tp2_hit, tp2_hit_at, tp2_hit_price,
    tp3_hit, tp3_hit_at, tp3_hit_price, sl_hit, sl_hit_at, sl_hit_price, exit_at, actual_exit_price,
    exit_reason, trade_size_usd, gross_profit_loss, fees_paid, slippage_cost, net_profit_loss,
    profit_loss_percentage, time_to_completion_minutes, max_favorable_excursion, max_adverse_excursion,
    data_source, data_resolution, data_quality_score, unseen_candles
  )
  SELECT
    id,
    (found).entry_at, (found).actual_entry_price, (found).tp1_hit, (found).tp1_hit_at, (found).tp1_hit_price,
    (found).tp2_hit, (found).tp2_hit_at, (found).tp2_hit_price, (found).tp3_hit, (found).tp3_hit_at,
    (found).tp3_hit_price, (found).sl_hit, (found).sl_hit_at, (found).sl_hit_price, (found).exit_at,
    (found).actual_exit_price, (found).exit_reason, (found).trade_size_usd, (found).gross_profit_loss,
    (found).fees_paid, (found).slippage_cost, (found).net_profit_loss, (found).profit_loss_percentage,
    (found).time_to_completion_minutes, (found).max_favorable_excursion, (found).max_adverse_excursion,
    (found).data_source, (found).data_resolution, (found).data_quality_score, (found).unseen_candles
  FROM compared
  WHERE changed AND NOT :dry_run
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    (
      entry_at, actual_entry_price, tp1_hit, tp1_hit_at, tp1_hit_price, tp2_hit, tp2_hit_at, tp2_hit_price,
      tp3_hit, tp3_hit_at, tp3_hit_price, sl_hit, sl_hit_at, sl_hit_price, exit_at, actual_exit_price,
      exit_reason, trade_size_usd, gross_profit_loss, fees_paid, slippage_cost, net_profit_loss,
      profit_loss_percentage, time_to_completion_minutes, max_favorable_excursion, max_adverse_excursion,
      data_source, data_resolution, data_quality_score, unseen_candles,
      ai_analysis, ai_analysis_detail, ai_analysis_generated_at
    ) = (
      excluded.entry_at, excluded.actual_entry_price, excluded.tp1_hit, excluded.tp1_hit_at,
      excluded.tp1_hit_price, excluded.tp2_hit, excluded.tp2_hit_at, excluded.tp2_hit_price, excluded.tp3_hit,
      excluded.tp3_hit_at, excluded.tp3_hit_price, excluded.sl_hit, excluded.sl_hit_at, excluded.sl_hit_price,
      excluded.exit_at, excluded.actual_exit_price, excluded.exit_reason, excluded.trade_size_usd,
      excluded.gross_profit_loss, excluded.fees_paid, excluded.slippage_cost, excluded.net_profit_loss,
      excluded.profit_loss_percentage, excluded.time_to_completion_minutes, excluded.max_favorable_excursion,
      excluded.max_adverse_excursion, excluded.data_source, excluded.data_resolution,
      excluded.data_quality_score, excluded.unseen_candles,
      NULL, NULL, NULL
    )
), set_aside AS (
  UPDATE trade_results AS result
  SET ai_analysis = NULL, ai_analysis_detail = NULL, ai_analysis_generated_at = NULL
  FROM compared
  WHERE aside AND NOT changed AND NOT :dry_run AND result.trade_signal_id = compared.id
), tries AS (  -- what was tried for the old result, or given up, counts no more
  DELETE FROM analysis_claims AS claim
  USING compared
  WHERE (changed OR aside OR tried_again) AND NOT :dry_run AND claim.trade_signal_id = compared.id
), signals AS (
  UPDATE trade_signals AS signal
  SET status = (compared.found).status, status_reason = (compared.found).status_reason
  FROM compared
  WHERE changed AND NOT :dry_run AND signal.id = compared.id
    AND (signal.status, signal.status_reason)
      IS DISTINCT FROM ((compared.found).status, (compared.found).status_reason)
)
UPDATE replay_trades AS item
SET
  outcome = CASE WHEN changed THEN 'changed' WHEN (found).poor THEN 'poor_data' ELSE 'unchanged' END,
  reason = (found).reason,
  analysis_redone = aside OR tried_again OR (changed AND compared.result ->> 'ai_analysis' IS NOT NULL),
  from_status = compared.status,
  to_status = CASE WHEN changed THEN (found).status ELSE compared.status END,
  net_before = compared.net_profit_loss,
  net_after = CASE WHEN changed THEN (found).net_profit_loss ELSE compared.net_profit_loss END
FROM compared
WHERE item.ctid = compared.place
