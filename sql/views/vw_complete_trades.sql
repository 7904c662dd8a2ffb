-- Each trade with its result, indicators and snapshot, one row a trade. Where two parts use one name, the signal's
-- and the result's keep it, the indicators' and the snapshot's carry a prefix.
CREATE OR REPLACE VIEW vw_complete_trades WITH (security_invoker = true) AS
SELECT
  signal.id, signal.user_id, signal.symbol, signal.direction, signal.timeframe,
  signal.entry_price, signal.stop_loss, signal.take_profit_1, signal.take_profit_2, signal.take_profit_3,
  signal.allocation_1, signal.allocation_2, signal.allocation_3,
  signal.confidence_score, signal.risk_reward_ratio, signal.market_condition, signal.ai_reasoning, signal.ai_model,
  signal.status, signal.status_reason,
  signal.generated_at, signal.expires_at, signal.completed_at, signal.created_at, signal.updated_at,

  result.tp1_hit, result.tp1_hit_at, result.tp1_hit_price,
  result.tp2_hit, result.tp2_hit_at, result.tp2_hit_price,
  result.tp3_hit, result.tp3_hit_at, result.tp3_hit_price,
  result.sl_hit, result.sl_hit_at, result.sl_hit_price,
  result.entry_at, result.actual_entry_price, result.exit_at, result.actual_exit_price, result.exit_reason,
  result.trade_size_usd, result.gross_profit_loss, result.fees_paid, result.slippage_cost,
  result.net_profit_loss, result.profit_loss_percentage, result.time_to_completion_minutes,
  result.max_favorable_excursion, result.max_adverse_excursion,
  result.data_source, result.data_resolution, result.data_quality_score,
  result.ai_analysis, result.ai_analysis_detail, result.ai_analysis_generated_at,

  indicators.rsi_14, indicators.macd_line, indicators.macd_signal, indicators.macd_histogram,
  indicators.ema_20, indicators.ema_50, indicators.ema_200,
  indicators.bb_upper, indicators.bb_middle, indicators.bb_lower,
  indicators.atr_14, indicators.stoch_k, indicators.stoch_d,
  indicators.volume_24h AS indicators_volume_24h, indicators.volume_sma_20,
  indicators.timeframe AS indicators_timeframe, indicators.data_source AS indicators_data_source,
  indicators.candle_count, indicators.calculated_at,

  snapshot.current_price, snapshot.price_change_24h, snapshot.price_change_7d, snapshot.market_cap,
  snapshot.volume_24h, snapshot.circulating_supply, snapshot.fear_greed_index, snapshot.social_sentiment_score,
  snapshot.galaxy_score, snapshot.alt_rank, snapshot.social_dominance,
  snapshot.sentiment_positive, snapshot.sentiment_negative, snapshot.sentiment_neutral,
  snapshot.social_volume_24h, snapshot.social_posts_24h, snapshot.social_interactions_24h,
  snapshot.social_contributors_24h, snapshot.correlation_score, snapshot.whale_transactions_24h,
  snapshot.exchange_inflow_24h, snapshot.exchange_outflow_24h,
  snapshot.data_quality_score AS snapshot_data_quality_score, snapshot.data_sources, snapshot.snapshot_at,

  -- younger columns stand last: the view is replaced in place
  result.unseen_candles
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
LEFT JOIN LATERAL (
  SELECT *
  FROM trade_technical_indicators
  WHERE trade_signal_id = signal.id
  ORDER BY calculated_at DESC, id
  LIMIT 1
) AS indicators ON true
LEFT JOIN LATERAL (
  SELECT *
  FROM trade_market_snapshot
  WHERE trade_signal_id = signal.id
  ORDER BY snapshot_at DESC, id
  LIMIT 1
) AS snapshot ON true;

COMMENT ON VIEW vw_complete_trades IS
  'Each trade with its result and its newest indicators and snapshot; one row a trade';
