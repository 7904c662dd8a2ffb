-- The trades of an export with their results, a row a trade. The window is of the days on which they
-- were proposed (generated_at). Columns keep their places in a file, and younger ones of the result come before its
-- analysis: see include/trades/results.py.
SELECT
  signal.id, signal.user_id, signal.symbol, signal.direction, signal.timeframe,
  signal.entry_price, signal.stop_loss, signal.take_profit_1, signal.take_profit_2, signal.take_profit_3,
  signal.allocation_1, signal.allocation_2, signal.allocation_3,
  signal.confidence_score, signal.risk_reward_ratio, signal.market_condition, signal.ai_reasoning, signal.ai_model,
  signal.status, signal.status_reason, signal.generated_at, signal.expires_at, signal.completed_at,
  result.exit_reason, result.entry_at, result.actual_entry_price,
  result.tp1_hit, result.tp1_hit_at, result.tp1_hit_price,
  result.tp2_hit, result.tp2_hit_at, result.tp2_hit_price,
  result.tp3_hit, result.tp3_hit_at, result.tp3_hit_price,
  result.sl_hit, result.sl_hit_at, result.sl_hit_price,
  result.exit_at, result.actual_exit_price, result.trade_size_usd,
  result.gross_profit_loss, result.fees_paid, result.slippage_cost, result.net_profit_loss,
  result.profit_loss_percentage, result.time_to_completion_minutes,
  result.max_favorable_excursion, result.max_adverse_excursion,
  result.data_source, result.data_resolution, result.data_quality_score, {younger: result.@},
  result.ai_analysis, result.ai_analysis_generated_at
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE (CAST(:first AS timestamptz) IS NULL OR signal.generated_at >= CAST(:first AS timestamptz))
  AND (CAST(:after AS timestamptz) IS NULL OR signal.generated_at < CAST(:after AS timestamptz))
  AND (CAST(:symbols AS text[]) IS NULL OR signal.symbol = ANY(CAST(:symbols AS text[])))
  AND (CAST(:users AS uuid[]) IS NULL OR signal.user_id = ANY(CAST(:users AS uuid[])))
  AND (CAST(:statuses AS text[]) IS NULL OR signal.status = ANY(CAST(:statuses AS text[])))
  AND (CAST(:timeframes AS text[]) IS NULL OR signal.timeframe = ANY(CAST(:timeframes AS text[])))
  AND (CAST(:trade_ids AS uuid[]) IS NULL OR signal.id = ANY(CAST(:trade_ids AS uuid[])))
