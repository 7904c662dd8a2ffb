-- Risk figures of each user over the trades settled in the last 30 days. The return of a day (UTC) is the net
-- profit of the trades settled on it as a fraction of the money put into them; days without a trade are left out.
-- Ten days at least for figures that need a spread. Samples of the demo are nobody's portfolio.
WITH settled AS MATERIALIZED (
  SELECT
    signal.user_id,
    signal.status = 'completed_success' AS won,
    result.net_profit_loss AS net,
    result.trade_size_usd AS size,
    CAST(signal.completed_at AT TIME ZONE 'UTC' AS date) AS day,
    row_number() OVER (PARTITION BY signal.user_id ORDER BY signal.completed_at DESC, signal.id) AS back
  FROM trade_signals AS signal
  CROSS JOIN LATERAL (  -- OFFSET 0: looked up for each trade of the 30 days, where the planner would read all results
    SELECT net_profit_loss, trade_size_usd, data_source
    FROM trade_results
    WHERE trade_signal_id = signal.id
    OFFSET 0
  ) AS result
  WHERE signal.status IN ('completed_success', 'completed_failure')
    AND signal.completed_at > CAST(:at AS timestamptz) - interval '30 days'
    AND signal.completed_at <= CAST(:at AS timestamptz)
    AND result.trade_size_usd > 0
    -- NaN and what no market can earn is no figure of a portfolio, nor may it be the end of everybody's
    AND result.net_profit_loss BETWEEN -1e100 AND 1e100
    AND result.trade_size_usd < 1e100
    AND NOT is_sample(signal.ai_model, result.data_source)
),
days AS (
  SELECT user_id, day, CAST(greatest(-1e100, least(1e100, sum(net) / sum(size))) AS double precision) AS gain
  FROM settled
  GROUP BY user_id, day
),
equity AS (  -- a capital that goes into every day's trades as a whole; lost capital stays lost
  SELECT user_id, day, exp(
    greatest(-700, least(700, sum(ln(greatest(1 + gain, 1e-9))) OVER (PARTITION BY user_id ORDER BY day)))
  ) AS value
  FROM days
),
drawdown AS (  -- how far it is below its highest point now
  SELECT user_id, 1 - (array_agg(value ORDER BY day DESC))[1] / greatest(1, max(value)) AS fraction
  FROM equity
  GROUP BY user_id
),
spread AS (
  SELECT user_id, avg(gain) AS mean, stddev_samp(gain) AS deviation
  FROM days
  GROUP BY user_id
  HAVING count(*) >= 10
),
losses AS (  -- lost in a row, up to the newest trade
  SELECT user_id, coalesce(min(back) FILTER (WHERE won) - 1, count(*)) AS streak
  FROM settled
  GROUP BY user_id
)
SELECT 'drawdown' AS gauge, fraction AS value, CAST(user_id AS text) AS label_1,
  CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM drawdown
UNION ALL
SELECT 'volatility', deviation * sqrt(365), CAST(user_id AS text), NULL, NULL
FROM spread
UNION ALL
SELECT 'sharpe', mean / nullif(deviation, 0) * sqrt(365), CAST(user_id AS text), NULL, NULL
FROM spread
UNION ALL
SELECT 'consecutive_losses', streak, CAST(user_id AS text), NULL, NULL
FROM losses
