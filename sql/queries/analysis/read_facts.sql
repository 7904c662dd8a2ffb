-- What a model may know of settled trades: one JSON object a trade. Units stand in the names (_usd, _percent,
-- minutes), times are UTC, null is left out. Texts that others wrote stand apart, and are cut.
--
-- Candles are those of the trade's window that settled it; `path` holds the last close of each eighth of the window;
-- volatility is the standard deviation of the log returns from close to close, in percent a candle.
-- A time that no calendar of Python holds is unknown, and so is what would be computed of it.
WITH trade AS MATERIALIZED (
  SELECT * FROM vw_complete_trades WHERE id = ANY(CAST(:ids AS uuid[]))
), moment AS MATERIALIZED (
  SELECT
    id,
    ordinary_time(generated_at) AS generated_at,
    ordinary_time(expires_at) AS expires_at,
    ordinary_time(entry_at) AS entry_at,
    ordinary_time(tp1_hit_at) AS tp1_hit_at,
    ordinary_time(tp2_hit_at) AS tp2_hit_at,
    ordinary_time(tp3_hit_at) AS tp3_hit_at,
    ordinary_time(sl_hit_at) AS sl_hit_at,
    ordinary_time(exit_at) AS exit_at
  FROM trade
), candle AS (
  SELECT
    trade.id, held.timestamp, held.open, held.high, held.low, held.close, held.volume,
    width_bucket(
      extract(epoch FROM held.timestamp), extract(epoch FROM moment.generated_at),
      extract(epoch FROM moment.expires_at), 8
    ) AS part,
    CASE WHEN held.close > 0 AND lag(held.close) OVER window_of_trade > 0
      THEN ln(held.close::float8 / lag(held.close) OVER window_of_trade::float8)
    END AS log_return
  FROM trade
  JOIN moment USING (id)
  JOIN market_candles AS held
    ON held.symbol = trade.symbol
    AND held.resolution = trade.data_resolution
    AND held.timestamp >= moment.generated_at
    AND held.timestamp <= moment.expires_at - resolution_interval(trade.data_resolution)
    AND (held.source = 'sandbox') = (trade.data_source IS NOT DISTINCT FROM 'sandbox')
  WHERE moment.generated_at < moment.expires_at
  WINDOW window_of_trade AS (PARTITION BY trade.id ORDER BY held.timestamp)
), part AS (
  SELECT DISTINCT ON (id, part)
    id, part, jsonb_build_object('at', timestamp, 'close_usd', close) AS point
  FROM candle
  ORDER BY id, part, timestamp DESC
), summary AS (
  SELECT
    id,
    count(*) AS candles,
    min(timestamp) AS first_at,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    (array_agg(timestamp ORDER BY high DESC, timestamp))[1] AS high_at,
    min(low) AS low,
    (array_agg(timestamp ORDER BY low, timestamp))[1] AS low_at,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    round((100 * stddev_samp(log_return))::numeric, 4) AS volatility
  FROM candle
  GROUP BY id
)
SELECT
  trade.id::text AS id,
  trade.user_id::text AS user_id,
  jsonb_strip_nulls(jsonb_build_object(
    'symbol', left(trade.symbol, 20),
    'signal', jsonb_build_object(
      'direction', trade.direction,
      'timeframe', trade.timeframe,
      'generated_at', moment.generated_at,
      'expires_at', moment.expires_at,
      'entry_price_usd', trade.entry_price,
      'stop_loss_usd', trade.stop_loss,
      'take_profit_1_usd', trade.take_profit_1,
      'take_profit_2_usd', trade.take_profit_2,
      'take_profit_3_usd', trade.take_profit_3,
      'stop_loss_distance_percent', round(100 * trade.stop_loss / nullif(trade.entry_price, 0) - 100, 4),
      'take_profit_1_distance_percent', round(100 * trade.take_profit_1 / nullif(trade.entry_price, 0) - 100, 4),
      'take_profit_2_distance_percent', round(100 * trade.take_profit_2 / nullif(trade.entry_price, 0) - 100, 4),
      'take_profit_3_distance_percent', round(100 * trade.take_profit_3 / nullif(trade.entry_price, 0) - 100, 4),
      'allocation_1_percent', trade.allocation_1,
      'allocation_2_percent', trade.allocation_2,
      'allocation_3_percent', trade.allocation_3,
      'confidence_percent', trade.confidence_score,
      'risk_reward_ratio', trade.risk_reward_ratio
    ),
    'result', jsonb_build_object(
      'status', trade.status,
      'exit_reason', trade.exit_reason,
      'entry_at', moment.entry_at,
      'entry_fill_usd', trade.actual_entry_price,
      'minutes_from_signal_to_entry', round(extract(epoch FROM moment.entry_at - moment.generated_at) / 60, 1),
      'take_profit_1_at', moment.tp1_hit_at,
      'take_profit_1_fill_usd', trade.tp1_hit_price,
      'minutes_from_entry_to_take_profit_1', round(extract(epoch FROM moment.tp1_hit_at - moment.entry_at) / 60, 1),
      'take_profit_2_at', moment.tp2_hit_at,
      'take_profit_2_fill_usd', trade.tp2_hit_price,
      'minutes_from_entry_to_take_profit_2', round(extract(epoch FROM moment.tp2_hit_at - moment.entry_at) / 60, 1),
      'take_profit_3_at', moment.tp3_hit_at,
      'take_profit_3_fill_usd', trade.tp3_hit_price,
      'minutes_from_entry_to_take_profit_3', round(extract(epoch FROM moment.tp3_hit_at - moment.entry_at) / 60, 1),
      'stop_loss_at', moment.sl_hit_at,
      'stop_loss_fill_usd', trade.sl_hit_price,
      'exit_at', moment.exit_at,
      'average_exit_usd', trade.actual_exit_price,
      'minutes_from_entry_to_exit', round(extract(epoch FROM moment.exit_at - moment.entry_at) / 60, 1),
      'minutes_from_signal_to_exit', trade.time_to_completion_minutes,
      'trade_size_usd', trade.trade_size_usd,
      'gross_profit_loss_usd', round(trade.gross_profit_loss, 4),
      'fees_usd', round(trade.fees_paid, 4),
      'slippage_usd', round(trade.slippage_cost, 4),
      'net_profit_loss_usd', round(trade.net_profit_loss, 4),
      'net_profit_loss_percent', round(trade.profit_loss_percentage, 4),
      'best_excursion_percent', round(trade.max_favorable_excursion, 4),
      'worst_excursion_percent', round(trade.max_adverse_excursion, 4)
    ),
    'candles', CASE WHEN summary.candles > 0 THEN jsonb_build_object(
      'resolution', trade.data_resolution,
      'count', summary.candles,
      'first_at', summary.first_at,
      'open_usd', summary.open,
      'high_usd', summary.high,
      'high_at', summary.high_at,
      'low_usd', summary.low,
      'low_at', summary.low_at,
      'close_usd', summary.close,
      'change_percent', round(100 * summary.close / nullif(summary.open, 0) - 100, 4),
      'range_percent', round(100 * (summary.high - summary.low) / nullif(summary.open, 0), 4),
      'volatility_percent', summary.volatility,
      'volume', summary.volume,
      'path', (SELECT jsonb_agg(point ORDER BY part.part) FROM part WHERE part.id = trade.id)
    ) END,
    'indicators', nullif(jsonb_strip_nulls(jsonb_build_object(
      'timeframe', trade.indicators_timeframe,
      'rsi_14', trade.rsi_14,
      'macd_line', trade.macd_line,
      'macd_signal', trade.macd_signal,
      'macd_histogram', trade.macd_histogram,
      'ema_20_usd', trade.ema_20,
      'ema_50_usd', trade.ema_50,
      'ema_200_usd', trade.ema_200,
      'bollinger_upper_usd', trade.bb_upper,
      'bollinger_middle_usd', trade.bb_middle,
      'bollinger_lower_usd', trade.bb_lower,
      'atr_14_usd', trade.atr_14,
      'stochastic_k', trade.stoch_k,
      'stochastic_d', trade.stoch_d,
      'volume_sma_20', trade.volume_sma_20
    )), '{}'),
    'market', nullif(jsonb_strip_nulls(jsonb_build_object(
      'price_usd', trade.current_price,
      'price_change_24h_percent', trade.price_change_24h,
      'price_change_7d_percent', trade.price_change_7d,
      'market_cap_usd', trade.market_cap,
      'volume_24h_usd', trade.volume_24h,
      'fear_greed_index', trade.fear_greed_index,
      'social_sentiment_score', trade.social_sentiment_score,
      'galaxy_score', trade.galaxy_score,
      'alt_rank', trade.alt_rank,
      'social_dominance_percent', trade.social_dominance,
      'sentiment_positive_percent', trade.sentiment_positive,
      'sentiment_negative_percent', trade.sentiment_negative,
      'sentiment_neutral_percent', trade.sentiment_neutral,
      'social_posts_24h', trade.social_posts_24h,
      'social_interactions_24h', trade.social_interactions_24h
    )), '{}'),
    'data_quality', jsonb_build_object(
      'source', trade.data_source,
      'score_percent', trade.data_quality_score
    ),
    'texts_of_others', nullif(jsonb_strip_nulls(jsonb_build_object(
      'market_condition', left(trade.market_condition, 200),
      'signal_reasoning', left(trade.ai_reasoning, 2000)
    )), '{}')
  )) AS facts
FROM trade
JOIN moment USING (id)
LEFT JOIN summary USING (id)
LEFT JOIN analysis_claims AS claim ON claim.trade_signal_id = trade.id
-- as they were claimed: what failed before comes last
ORDER BY coalesce(claim.failures, 0), trade.completed_at DESC, trade.id
