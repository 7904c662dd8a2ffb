-- Writes the KPI row of a day (UTC), unless it is there and the same. The comments on the columns, below, are the
-- definitions.
CREATE OR REPLACE FUNCTION roll_up_kpis(of_day date) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO daily_kpis AS former (
    day, trades_settled, trades_won, trades_lost, trades_not_entered, trades_incomplete, success_rate,
    latency_p50, latency_p95, latency_p99, data_quality, data_quality_target, analysis_success,
    generation_measured, generation_within, generation_limit, generation_target,
    backtest_measured, backtest_within, backtest_limit, backtest_target,
    analysis_measured, analysis_within, analysis_limit, analysis_target,
    operations, errors, error_rate, error_rate_target,
    uptime, uptime_looked_at, uptime_target, analysis_success_target,
    ratings, average_rating, average_rating_target, positive_share, positive_share_target, second_share
  )
  SELECT * FROM measure_kpis(of_day)
  ON CONFLICT (day) DO UPDATE SET
    trades_settled = excluded.trades_settled,
    trades_won = excluded.trades_won,
    trades_lost = excluded.trades_lost,
    trades_not_entered = excluded.trades_not_entered,
    trades_incomplete = excluded.trades_incomplete,
    success_rate = excluded.success_rate,
    latency_p50 = excluded.latency_p50,
    latency_p95 = excluded.latency_p95,
    latency_p99 = excluded.latency_p99,
    data_quality = excluded.data_quality,
    data_quality_target = excluded.data_quality_target,
    analysis_success = excluded.analysis_success,
    -- Measurements and errors are never changed, but cleaned away after a month or three: what was seen of them
    -- stays when there are fewer now.
    generation_measured = greatest(former.generation_measured, excluded.generation_measured),
    generation_within = CASE WHEN former.generation_measured > excluded.generation_measured
      THEN former.generation_within ELSE excluded.generation_within END,
    generation_limit = excluded.generation_limit,
    generation_target = excluded.generation_target,
    backtest_measured = greatest(former.backtest_measured, excluded.backtest_measured),
    backtest_within = CASE WHEN former.backtest_measured > excluded.backtest_measured
      THEN former.backtest_within ELSE excluded.backtest_within END,
    backtest_limit = excluded.backtest_limit,
    backtest_target = excluded.backtest_target,
    analysis_measured = greatest(former.analysis_measured, excluded.analysis_measured),
    analysis_within = CASE WHEN former.analysis_measured > excluded.analysis_measured
      THEN former.analysis_within ELSE excluded.analysis_within END,
    analysis_limit = excluded.analysis_limit,
    analysis_target = excluded.analysis_target,
    operations = greatest(former.operations, excluded.operations),
    errors = greatest(former.errors, excluded.errors),
    error_rate = 100.0 * greatest(former.errors, excluded.errors)
      / nullif(greatest(former.operations, excluded.operations, former.errors, excluded.errors), 0),
    error_rate_target = excluded.error_rate_target,
    uptime = CASE WHEN excluded.uptime_looked_at >= coalesce(former.uptime_looked_at, 0)
      THEN excluded.uptime ELSE former.uptime END,
    uptime_looked_at = greatest(former.uptime_looked_at, excluded.uptime_looked_at),
    uptime_target = excluded.uptime_target,
    analysis_success_target = excluded.analysis_success_target,
    ratings = excluded.ratings,
    average_rating = excluded.average_rating,
    average_rating_target = excluded.average_rating_target,
    positive_share = excluded.positive_share,
    positive_share_target = excluded.positive_share_target,
    second_share = excluded.second_share,
    calculated_at = excluded.calculated_at
  WHERE
    (former.trades_settled, former.trades_won, former.trades_lost, former.trades_not_entered,
     former.trades_incomplete, former.latency_p50, former.latency_p95, former.latency_p99, former.data_quality,
     former.data_quality_target, former.analysis_success, former.generation_limit, former.generation_target,
     former.backtest_limit, former.backtest_target, former.analysis_limit, former.analysis_target,
     former.error_rate_target, former.uptime_target, former.analysis_success_target, former.ratings,
     former.average_rating, former.average_rating_target, former.positive_share, former.positive_share_target,
     former.second_share)
    IS DISTINCT FROM
    (excluded.trades_settled, excluded.trades_won, excluded.trades_lost, excluded.trades_not_entered,
     excluded.trades_incomplete, excluded.latency_p50, excluded.latency_p95, excluded.latency_p99,
     excluded.data_quality, excluded.data_quality_target, excluded.analysis_success, excluded.generation_limit,
     excluded.generation_target, excluded.backtest_limit, excluded.backtest_target, excluded.analysis_limit,
     excluded.analysis_target, excluded.error_rate_target, excluded.uptime_target,
     excluded.analysis_success_target, excluded.ratings, excluded.average_rating, excluded.average_rating_target,
     excluded.positive_share, excluded.positive_share_target, excluded.second_share)
    OR former.generation_measured < excluded.generation_measured
    OR former.backtest_measured < excluded.backtest_measured
    OR former.analysis_measured < excluded.analysis_measured
    OR former.operations < excluded.operations
    OR former.errors < excluded.errors
    OR coalesce(former.uptime_looked_at, -1) < excluded.uptime_looked_at
$$;

COMMENT ON FUNCTION roll_up_kpis IS 'Writes the KPI row of a day (UTC); called by roll_up_day';

COMMENT ON TABLE daily_kpis IS
  'How the platform did on each day (UTC) that was rolled up: one row a day, also for a day without a trade. '
  'A figure that nothing was measured for is null, and so is whether its target was met.';
COMMENT ON COLUMN daily_kpis.day IS 'UTC; a trade belongs to the day of its completed_at';
COMMENT ON COLUMN daily_kpis.trades_settled IS 'trades_won + trades_lost + trades_not_entered';
COMMENT ON COLUMN daily_kpis.trades_won IS 'Trades with status completed_success';
COMMENT ON COLUMN daily_kpis.trades_lost IS 'Trades with status completed_failure';
COMMENT ON COLUMN daily_kpis.trades_not_entered IS 'Trades with status expired';
COMMENT ON COLUMN daily_kpis.trades_incomplete IS 'Trades with status incomplete_data: given up, not settled';
COMMENT ON COLUMN daily_kpis.success_rate IS '100 * trades_won / (trades_won + trades_lost)';
COMMENT ON COLUMN daily_kpis.latency_p50 IS
  'Seconds from expires_at to completed_at that half of the settled trades needed at most; trades completed before '
  'their expiry, by another platform, are left out';
COMMENT ON COLUMN daily_kpis.latency_p95 IS 'As latency_p50, for 95 of 100 trades';
COMMENT ON COLUMN daily_kpis.latency_p99 IS 'As latency_p50, for 99 of 100 trades';
COMMENT ON COLUMN daily_kpis.data_quality IS
  'Mean data_quality_score of the trades settled or given up; 0 for one that no candle was found for';
COMMENT ON COLUMN daily_kpis.data_quality_target IS 'data_quality is to be over this';
COMMENT ON COLUMN daily_kpis.data_quality_met IS 'data_quality > data_quality_target';
COMMENT ON COLUMN daily_kpis.analysis_success IS
  '100 * trades with an analysis / (trades_won + trades_lost); rises when analyses are caught up on';
COMMENT ON COLUMN daily_kpis.analysis_success_target IS 'analysis_success is to be over this';
COMMENT ON COLUMN daily_kpis.analysis_success_met IS 'analysis_success > analysis_success_target';
COMMENT ON COLUMN daily_kpis.generation_measured IS
  'Measurements of metric_type generation_time on the day: one for each attempt that ended, with a signal or without';
COMMENT ON COLUMN daily_kpis.generation_within IS
  'Percent of them that went well (a signal, or a reasoned no) and took less than generation_limit';
COMMENT ON COLUMN daily_kpis.generation_limit IS 'Seconds';
COMMENT ON COLUMN daily_kpis.generation_target IS 'generation_within is to be at least this';
COMMENT ON COLUMN daily_kpis.generation_met IS 'generation_within >= generation_target';
COMMENT ON COLUMN daily_kpis.backtest_measured IS
  'Measurements of metric_type backtest_time on the day: one for each batch of trades that was settled';
COMMENT ON COLUMN daily_kpis.backtest_within IS 'Percent of them that went well and took less than backtest_limit';
COMMENT ON COLUMN daily_kpis.backtest_limit IS 'Seconds';
COMMENT ON COLUMN daily_kpis.backtest_target IS 'backtest_within is to be at least this';
COMMENT ON COLUMN daily_kpis.backtest_met IS 'backtest_within >= backtest_target';
COMMENT ON COLUMN daily_kpis.analysis_measured IS 'Measurements of metric_type analysis_time on the day';
COMMENT ON COLUMN daily_kpis.analysis_within IS 'Percent of them that went well and took less than analysis_limit';
COMMENT ON COLUMN daily_kpis.analysis_limit IS 'Seconds';
COMMENT ON COLUMN daily_kpis.analysis_target IS 'analysis_within is to be at least this';
COMMENT ON COLUMN daily_kpis.analysis_met IS 'analysis_within >= analysis_target';
COMMENT ON COLUMN daily_kpis.operations IS
  'Measured operations of the day: rows of atge_performance_metrics that time one, but for single statements of the '
  'database, which are steps of others; and calls of the language model';
COMMENT ON COLUMN daily_kpis.errors IS 'Those of them that failed: their outcome is neither ok nor answered';
COMMENT ON COLUMN daily_kpis.error_rate IS '100 * errors / operations';
COMMENT ON COLUMN daily_kpis.error_rate_target IS 'error_rate is to be under this';
COMMENT ON COLUMN daily_kpis.error_rate_met IS 'error_rate < error_rate_target';
COMMENT ON COLUMN daily_kpis.uptime IS
  'Percent of the time somebody looked that none of the platform''s own parts was down, by what probe_platform saw';
COMMENT ON COLUMN daily_kpis.uptime_looked_at IS
  'Percent of the day that somebody looked; what nobody saw is neither up nor down. Null: nobody ever did';
COMMENT ON COLUMN daily_kpis.uptime_target IS 'uptime is to be over this';
COMMENT ON COLUMN daily_kpis.uptime_met IS 'uptime > uptime_target';
COMMENT ON COLUMN daily_kpis.ratings IS 'Feedback of the day that has a rating, 1 to 5: rows of atge_user_feedback';
COMMENT ON COLUMN daily_kpis.average_rating IS 'Mean of these ratings; null without any';
COMMENT ON COLUMN daily_kpis.average_rating_target IS 'average_rating is to be over this';
COMMENT ON COLUMN daily_kpis.average_rating_met IS 'average_rating > average_rating_target';
COMMENT ON COLUMN daily_kpis.positive_share IS '100 * ratings of 4 and 5 / ratings';
COMMENT ON COLUMN daily_kpis.positive_share_target IS 'positive_share is to be over this';
COMMENT ON COLUMN daily_kpis.positive_share_met IS 'positive_share > positive_share_target';
COMMENT ON COLUMN daily_kpis.second_share IS
  'Percent of the day''s usable answers of language models that the second model gave (llm_daily_totals)';
COMMENT ON COLUMN daily_kpis.calculated_at IS 'When the row was written or changed last';
