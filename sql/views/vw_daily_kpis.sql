-- The KPIs of each day, one a row, with target and verdict: what to read in psql. Today's (UTC) are measured when the
-- view is read, and are unfinished.
CREATE OR REPLACE VIEW vw_daily_kpis WITH (security_invoker = true) AS
SELECT day, figures.*, unfinished
FROM (
  SELECT
    day, trades_settled::bigint, success_rate, data_quality, data_quality_target, data_quality_met, analysis_success,
    latency_p50, latency_p95, latency_p99, generation_limit, generation_within, generation_target, generation_met,
    backtest_limit, backtest_within, backtest_target, backtest_met, analysis_limit, analysis_within, analysis_target,
    analysis_met, error_rate, error_rate_target, error_rate_met, uptime, uptime_looked_at, uptime_target, uptime_met,
    analysis_success_target, analysis_success_met, average_rating, average_rating_target, average_rating_met,
    positive_share, positive_share_target, positive_share_met, second_share, false AS unfinished
  FROM daily_kpis
  UNION ALL
  SELECT
    day, trades_settled, success_rate, data_quality, data_quality_target, data_quality > data_quality_target,
    analysis_success, latency_p50, latency_p95, latency_p99, generation_limit, generation_within, generation_target,
    generation_within >= generation_target, backtest_limit, backtest_within, backtest_target,
    backtest_within >= backtest_target, analysis_limit, analysis_within, analysis_target,
    analysis_within >= analysis_target, error_rate, error_rate_target, error_rate < error_rate_target,
    uptime, uptime_looked_at, uptime_target, uptime > uptime_target,
    analysis_success_target, analysis_success > analysis_success_target,
    average_rating, average_rating_target, average_rating > average_rating_target,
    positive_share, positive_share_target, positive_share > positive_share_target,
    second_share, true
  FROM measure_kpis((now() AT TIME ZONE 'UTC')::date)
) AS days
CROSS JOIN LATERAL (
  VALUES
    (1, 'trades settled', trades_settled::numeric, NULL, NULL::boolean),
    (2, 'success rate, %', success_rate, NULL, NULL),
    (3, 'data quality, %', data_quality, format('over %s', data_quality_target), data_quality_met),
    (4, 'analysis success, %', analysis_success, format('over %s', analysis_success_target),
      analysis_success_met),
    (5, 'sweep latency p50, s', latency_p50, NULL, NULL),
    (6, 'sweep latency p95, s', latency_p95, NULL, NULL),
    (7, 'sweep latency p99, s', latency_p99, NULL, NULL),
    (8, format('generation under %s s, %%', generation_limit), generation_within,
      format('at least %s', generation_target), generation_met),
    (9, format('backtest under %s s, %%', backtest_limit), backtest_within,
      format('at least %s', backtest_target), backtest_met),
    (10, format('analysis under %s s, %%', analysis_limit), analysis_within,
      format('at least %s', analysis_target), analysis_met),
    (11, 'error rate, %', error_rate, format('under %s', error_rate_target), error_rate_met),
    (12, 'uptime, %', uptime, format('over %s', uptime_target), uptime_met),
    (13, 'of the day looked at, %', uptime_looked_at, NULL, NULL),
    (14, 'average rating, 1 to 5', average_rating, format('over %s', average_rating_target), average_rating_met),
    (15, 'positive ratings, %', positive_share, format('over %s', positive_share_target), positive_share_met),
    (16, 'answered by the second model, %', second_share, NULL, NULL)
) AS figures (place, kpi, value, target, met);

COMMENT ON VIEW vw_daily_kpis IS
  'The KPIs of each day (UTC), one a row, with target and verdict; those of today are unfinished';
