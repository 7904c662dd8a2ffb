-- Stores one signal with its indicators and its snapshot, and ties the attempt to it, all or nothing: the trigger
-- take_signal_slot refuses the user's second signal within a minute. Run twice, the second run finds the attempt
-- ended and does nothing.
WITH attempt AS MATERIALIZED (
  SELECT * FROM signal_attempts WHERE id = CAST(:id AS uuid) AND outcome = 'working' FOR UPDATE
), signal AS (
  INSERT INTO trade_signals (
    user_id, symbol, timeframe, direction, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3,
    allocation_1, allocation_2, allocation_3, confidence_score, risk_reward_ratio, market_condition,
    ai_reasoning, ai_model, expires_at
  )
  SELECT
    attempt.user_id, attempt.symbol, attempt.timeframe, of.direction, of.entry_price, of.stop_loss,
    of.take_profit_1, of.take_profit_2, of.take_profit_3, of.allocation_1, of.allocation_2, of.allocation_3,
    of.confidence_score, of.risk_reward_ratio, of.market_condition, of.ai_reasoning, of.ai_model,
    now() + CAST(:lives AS interval)
  FROM attempt, jsonb_populate_record(NULL::trade_signals, proposal) AS of
  RETURNING id
), indicators AS (
  INSERT INTO trade_technical_indicators (
    trade_signal_id, rsi_14, macd_line, macd_signal, macd_histogram, ema_20, ema_50, ema_200,
    bb_upper, bb_middle, bb_lower, atr_14, stoch_k, stoch_d, volume_24h, volume_sma_20,
    timeframe, data_source, candle_count, calculated_at
  )
  SELECT
    signal.id, of.rsi_14, of.macd_line, of.macd_signal, of.macd_histogram, of.ema_20, of.ema_50, of.ema_200,
    of.bb_upper, of.bb_middle, of.bb_lower, of.atr_14, of.stoch_k, of.stoch_d, of.volume_24h, of.volume_sma_20,
    of.timeframe, of.data_source, of.candle_count, of.calculated_at
  FROM signal, attempt, jsonb_populate_record(NULL::trade_technical_indicators, attempt.indicators) AS of
), snapshot AS (
  INSERT INTO trade_market_snapshot (
    trade_signal_id, current_price, price_change_24h, price_change_7d, market_cap, volume_24h, circulating_supply,
    fear_greed_index, social_sentiment_score, galaxy_score, alt_rank, social_dominance,
    sentiment_positive, sentiment_negative, sentiment_neutral,
    social_posts_24h, social_interactions_24h, social_contributors_24h, social_volume_24h,
    data_quality_score, data_sources, snapshot_at
  )
  SELECT
    signal.id, of.current_price, of.price_change_24h, of.price_change_7d, of.market_cap, of.volume_24h,
    of.circulating_supply, of.fear_greed_index, of.social_sentiment_score, of.galaxy_score, of.alt_rank,
    of.social_dominance, of.sentiment_positive, of.sentiment_negative, of.sentiment_neutral,
    of.social_posts_24h, of.social_interactions_24h, of.social_contributors_24h, of.social_volume_24h,
    of.data_quality_score, of.data_sources, of.snapshot_at
  FROM signal, attempt, jsonb_populate_record(NULL::trade_market_snapshot, attempt.snapshot) AS of
)
UPDATE signal_attempts AS ended
SET
  outcome = 'stored',
  trade_signal_id = signal.id,
  finished_at = now(),
  seconds = ended.seconds + :seconds
FROM signal
WHERE ended.id = CAST(:id AS uuid)
RETURNING ended.trade_signal_id::text, ended.seconds::float8
