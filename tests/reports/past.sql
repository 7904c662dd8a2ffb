-- A platform's past, by rule and not by chance. Trade n of a day has its symbol by n, was won in 4 of 9 cases, and has a
-- net result that is a function of n and the day.
WITH made AS (
  INSERT INTO trade_signals (
    user_id, symbol, timeframe, direction, entry_price, stop_loss, take_profit_1, take_profit_2, take_profit_3,
    status, ai_model, generated_at, expires_at, completed_at, confidence_score, market_condition
  )
  SELECT
    '00000000-0000-0000-0000-000000000001', (CAST(:symbols AS text[]))[1 + n % cardinality(CAST(:symbols AS text[]))],
    '1h', CASE n % 2 WHEN 0 THEN 'LONG' ELSE 'SHORT' END, 100, 95, 105, 110, 115,
    CASE WHEN (n * 7 + day * 3) % 9 < 4 THEN 'completed_success' ELSE 'completed_failure' END, 'model-a',
    at - interval '4 hours', at, at + (10 + (n * 13 + day) % 50) * interval '1 second', 50,
    ((n * 37 + day * 11) % 90 + 1)::text
  FROM generate_series(0, :days - 1) AS day
  CROSS JOIN generate_series(0, :a_day - 1) AS n
  CROSS JOIN LATERAL (
    SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' + (n + 1) * interval '1 minute' AS at
  ) AS time
  RETURNING id, status, market_condition
)
INSERT INTO trade_results (trade_signal_id, net_profit_loss, profit_loss_percentage, fees_paid, slippage_cost)
SELECT
  id, sign * market_condition::numeric * 1.37, sign * market_condition::numeric * 0.137, 0.5, 0.25
FROM made CROSS JOIN LATERAL (SELECT CASE status WHEN 'completed_success' THEN 1 ELSE -1 END AS sign) AS of_status;

INSERT INTO atge_error_logs (timestamp, error_type, error_message, severity)
SELECT at + n * interval '1 minute', (CAST('{api,database,generation,backtesting,analysis}' AS text[]))[1 + n % 5],
  'it went wrong, number ' || n % 3, (CAST('{low,medium,high,critical}' AS text[]))[1 + (n + day) % 4]
FROM generate_series(0, :days - 1) AS day
CROSS JOIN LATERAL (SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' AS at) AS time
CROSS JOIN LATERAL generate_series(1, 3 + day % 5) AS n;

INSERT INTO atge_performance_metrics (timestamp, metric_type, metric_name, value, unit, metadata)
SELECT at + n * interval '7 minutes', type, type || '.' || n % 3, 5 + (n * 17 + day) % 40,
  CASE type WHEN 'api_response' THEN 'ms' WHEN 'database_query' THEN 'ms' ELSE 'seconds' END, '{"outcome": "ok"}'
FROM generate_series(0, :days - 1) AS day
CROSS JOIN LATERAL (SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' AS at) AS time
CROSS JOIN unnest(CAST('{api_response,database_query,generation_time,backtest_time,analysis_time}' AS text[])) AS type
CROSS JOIN generate_series(1, 4) AS n;

INSERT INTO probe_results (service, kind, status, reason, checked_at, check_every, run_url, own_part)
SELECT service, 'platform', CASE WHEN service = 'kraken' AND n % 5 = 0 THEN 'down' ELSE 'healthy' END, 'it answered',
  at + n * interval '1 hour', interval '1 hour', 'http://airflow/run', service = 'postgres'
FROM generate_series(0, :days - 1) AS day
CROSS JOIN LATERAL (SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' AS at) AS time
CROSS JOIN generate_series(0, 23) AS n
CROSS JOIN unnest(CAST('{postgres,kraken}' AS text[])) AS service;

INSERT INTO llm_calls (at, day, purpose, model_asked, prompt_tokens, completion_tokens, reserved_usd, cost_usd, outcome,
  lapses_at)
SELECT at, at::date, 'post_mortem', 'model-a', 1000, 200, 0.05, CASE n WHEN 3 THEN NULL ELSE 0.0125 END,
  CASE n WHEN 3 THEN 'timeout' ELSE 'answered' END, at + interval '1 minute'
FROM generate_series(0, :days - 1) AS day
CROSS JOIN LATERAL (SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' AS at) AS time
CROSS JOIN generate_series(1, 3) AS n;
INSERT INTO llm_budget_days (day, spent_usd, budget_usd)
SELECT CAST(:first AS date) + day, 0.075, 0.10 FROM generate_series(0, :days - 1) AS day;

INSERT INTO alert_events (at, rule, severity, labels, fingerprint, from_state, to_state, reason)
SELECT at + interval '2 hours' + step.after, 'errors_many', 'critical', '{}', 'errors_many/critical', step.former, step.state,
  'many errors'
FROM generate_series(0, :days - 1, 4) AS day
CROSS JOIN LATERAL (SELECT (CAST(:first AS date) + day)::timestamp AT TIME ZONE 'UTC' AS at) AS time
CROSS JOIN (VALUES
  (interval '0', 'pending', 'firing'), (interval '5 minutes', 'firing', 'recovering'),
  (interval '6 minutes', 'recovering', 'firing'), (interval '20 minutes', 'firing', 'normal')
) AS step (after, former, state)
ORDER BY day, step.after;

INSERT INTO table_sizes (day, table_name, bytes, rows)
SELECT CAST(:first AS date) + day, name, 50000000 + day * growth + (day * 7919) % 300000, 1000 * day
FROM generate_series(0, :days - 1) AS day
CROSS JOIN (VALUES ('trade_signals', 900000), ('market_candles', 2500000)) AS tables (name, growth);
