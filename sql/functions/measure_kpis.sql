-- The KPIs of a day (UTC) as they are at this moment, also of one that is not over. The limits and targets are here
-- and nowhere else; the comments on the columns of daily_kpis are the definitions. It runs with its owner's rights: who
-- may read the figures of a day need not see each call of a model.
CREATE OR REPLACE FUNCTION measure_kpis(of_day date) RETURNS TABLE (
  day date, trades_settled bigint, trades_won bigint, trades_lost bigint, trades_not_entered bigint,
  trades_incomplete bigint, success_rate numeric, latency_p50 numeric, latency_p95 numeric,
  latency_p99 numeric, data_quality numeric, data_quality_target numeric, analysis_success numeric,
  generation_measured bigint, generation_within numeric, generation_limit numeric, generation_target numeric,
  backtest_measured bigint, backtest_within numeric, backtest_limit numeric, backtest_target numeric,
  analysis_measured bigint, analysis_within numeric, analysis_limit numeric, analysis_target numeric,
  operations bigint, errors bigint, error_rate numeric, error_rate_target numeric,
  uptime numeric, uptime_looked_at numeric, uptime_target numeric, analysis_success_target numeric,
  ratings bigint, average_rating numeric, average_rating_target numeric, positive_share numeric,
  positive_share_target numeric, second_share numeric
)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  WITH target AS (
    SELECT
      10 AS generation_limit, 95 AS generation_target,
      30 AS backtest_limit, 100 AS backtest_target,
      15 AS analysis_limit, 95 AS analysis_target,
      90 AS data_quality_target,
      1 AS error_rate_target,
      99.5 AS uptime_target,
      95 AS analysis_success_target,
      4 AS average_rating_target, 80 AS positive_share_target,
      CASE of_day WHEN '0001-01-02' THEN '-infinity' ELSE of_day::timestamp AT TIME ZONE 'UTC' END AS begins,
      (of_day + 1)::timestamp AT TIME ZONE 'UTC' AS ends
  ),
  trades AS (
    SELECT
      count(*) FILTER (WHERE status <> 'incomplete_data') AS settled,
      count(*) FILTER (WHERE status = 'completed_success') AS won,
      count(*) FILTER (WHERE status = 'completed_failure') AS lost,
      count(*) FILTER (WHERE status = 'expired') AS not_entered,
      count(*) FILTER (WHERE status = 'incomplete_data') AS incomplete,
      count(*) FILTER (WHERE status LIKE 'completed%' AND result.ai_analysis IS NOT NULL) AS analysed,
      avg(CASE WHEN result.exit_reason = 'no_candles' THEN 0 ELSE result.data_quality_score END) AS data_quality,
      percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM ordinary_time(completed_at) - ordinary_time(expires_at)))
        FILTER (WHERE status <> 'incomplete_data' AND completed_at >= expires_at) AS latencies
    FROM target
    JOIN trade_signals AS signal
      ON coalesce(completed_at, expires_at) >= begins AND coalesce(completed_at, expires_at) < ends
    LEFT JOIN LATERAL (  -- one by one, by the index: the planner takes the day for a ninth of all trades
      SELECT exit_reason, data_quality_score, ai_analysis FROM trade_results WHERE trade_signal_id = signal.id OFFSET 0
    ) AS result ON true
    WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
  ),
  timings AS (
    SELECT
      metric_type,
      CASE unit WHEN 'ms' THEN value / 1000 ELSE value END AS seconds,
      coalesce(metadata ->> 'outcome', 'ok') = 'ok' AS went_well
    FROM target
    JOIN atge_performance_metrics ON timestamp >= begins AND timestamp < ends
    WHERE unit IN ('ms', 'seconds') AND metric_type <> 'database_query'
  ),
  measured AS (
    SELECT
      count(*) AS operations,
      count(*) FILTER (WHERE NOT went_well) AS failed,
      count(*) FILTER (WHERE metric_type = 'generation_time') AS generations,
      count(*) FILTER (WHERE metric_type = 'generation_time' AND went_well AND seconds < generation_limit) AS quick_generations,
      count(*) FILTER (WHERE metric_type = 'backtest_time') AS backtests,
      count(*) FILTER (WHERE metric_type = 'backtest_time' AND went_well AND seconds < backtest_limit) AS quick_backtests,
      count(*) FILTER (WHERE metric_type = 'analysis_time') AS analyses,
      count(*) FILTER (WHERE metric_type = 'analysis_time' AND went_well AND seconds < analysis_limit) AS quick_analyses
    FROM timings, target
  ),
  model_calls AS (
    SELECT count(*) AS calls, count(*) FILTER (WHERE outcome <> 'answered') AS failed
    FROM llm_calls
    WHERE day = of_day AND outcome NOT IN ('under_way', 'budget_spent', 'unpriced')  -- not ended, never made
  ),
  answers AS (
    SELECT sum(calls) AS given, sum(calls) FILTER (WHERE choice = 'second') AS of_second
    FROM llm_daily_totals
    WHERE llm_daily_totals.day = of_day AND outcome = 'answered'
  ),
  outcomes AS (
    SELECT measured.operations + calls AS operations, measured.failed + model_calls.failed AS errors
    FROM measured, model_calls
  ),
  feedback AS (
    SELECT count(rating) AS ratings, avg(rating) AS average, count(*) FILTER (WHERE rating >= 4) AS positive
    FROM target
    JOIN atge_user_feedback ON timestamp >= begins AND timestamp < ends
  )
  SELECT
    of_day,
    settled,
    won,
    lost,
    not_entered,
    incomplete,
    (100.0 * won / nullif(won + lost, 0))::numeric,
    latencies[1]::numeric,
    latencies[2]::numeric,
    latencies[3]::numeric,
    data_quality::numeric,
    data_quality_target::numeric,
    (100.0 * analysed / nullif(won + lost, 0))::numeric,
    generations,
    (100.0 * quick_generations / nullif(generations, 0))::numeric,
    generation_limit::numeric,
    generation_target::numeric,
    backtests,
    (100.0 * quick_backtests / nullif(backtests, 0))::numeric,
    backtest_limit::numeric,
    backtest_target::numeric,
    analyses,
    (100.0 * quick_analyses / nullif(analyses, 0))::numeric,
    analysis_limit::numeric,
    analysis_target::numeric,
    outcomes.operations,
    errors,
    (100.0 * errors / nullif(outcomes.operations, 0))::numeric,
    error_rate_target::numeric,
    (100 * up / nullif(looked_at, 0))::numeric,
    (100 * nullif(looked_at, 0) / nullif(elapsed, 0))::numeric,
    uptime_target::numeric,
    analysis_success_target::numeric,
    ratings,
    average::numeric,
    average_rating_target::numeric,
    (100.0 * positive / nullif(ratings, 0))::numeric,
    positive_share_target::numeric,
    (100.0 * coalesce(of_second, 0) / nullif(given, 0))::numeric
  FROM target, trades, measured, answers, outcomes, feedback, measure_uptime(of_day)
$$;

COMMENT ON FUNCTION measure_kpis IS 'The KPIs of a day (UTC) as they are at this moment';
