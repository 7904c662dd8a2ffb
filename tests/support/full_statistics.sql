-- The statistics of every user, computed from all trades in one pass, without anything that is kept: what the figures
-- that merge are compared with, to the digit. It shares nothing with sql/functions but trade_day and engine_number.
WITH settled AS (
  SELECT
    signal.user_id,
    signal.id,
    signal.status = 'completed_success' AS won,
    result.net_profit_loss AS net,
    result.profit_loss_percentage AS percent,
    snapshot.galaxy_score AS galaxy,
    coalesce(signal.completed_at, signal.expires_at) AS ended_at,
    result.exit_at,
    trade_day(signal.completed_at, signal.expires_at) AS day
  FROM trade_signals AS signal
  LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
  LEFT JOIN LATERAL (
    SELECT galaxy_score
    FROM trade_market_snapshot
    WHERE trade_signal_id = signal.id
    ORDER BY snapshot_at DESC, id
    LIMIT 1
  ) AS snapshot ON true
  WHERE signal.status IN ('completed_success', 'completed_failure')
),
equity AS (
  SELECT
    *,
    row_number() OVER in_order AS turn,
    sum(net) OVER in_order AS total,
    max(net) OVER (PARTITION BY user_id) AS highest,
    min(net) OVER (PARTITION BY user_id) AS lowest
  FROM settled
  WINDOW in_order AS (PARTITION BY user_id ORDER BY ended_at, exit_at, id ROWS UNBOUNDED PRECEDING)
),
curve AS (
  SELECT *, greatest(0, max(total) OVER in_order) AS peak
  FROM equity
  WINDOW in_order AS (PARTITION BY user_id ORDER BY ended_at, exit_at, id ROWS UNBOUNDED PRECEDING)
),
sums AS (
  SELECT
    user_id,
    count(*) AS trades,
    count(*) FILTER (WHERE won) AS wins,
    count(*) FILTER (WHERE NOT won) AS losses,
    coalesce(sum(net), 0) AS net,
    coalesce(sum(net) FILTER (WHERE won), 0) AS profit,
    coalesce(-sum(net) FILTER (WHERE NOT won), 0) AS loss,
    avg(net) FILTER (WHERE won) AS average_win,
    avg(net) FILTER (WHERE NOT won) AS average_loss,
    (array_agg(id ORDER BY turn) FILTER (WHERE net = highest))[1] AS best_id,
    max(net) AS highest,
    (array_agg(id ORDER BY turn) FILTER (WHERE net = lowest))[1] AS worst_id,
    min(net) AS lowest,
    avg(percent) / nullif(stddev_samp(percent), 0) AS sharpe,
    coalesce(max(peak - total), 0) AS drawdown,
    avg(galaxy) FILTER (WHERE won) AS galaxy_wins,
    avg(galaxy) FILTER (WHERE NOT won) AS galaxy_losses,
    CASE  -- corr() of equal figures answers with rounding errors
      WHEN min(galaxy) FILTER (WHERE percent IS NOT NULL) < max(galaxy) FILTER (WHERE percent IS NOT NULL)
        AND min(percent) FILTER (WHERE galaxy IS NOT NULL) < max(percent) FILTER (WHERE galaxy IS NOT NULL)
      THEN corr(engine_number(galaxy), engine_number(percent))
    END AS correlation
  FROM curve
  GROUP BY user_id
),
spread AS (  -- days without a trade count as 0: they add to the number of days and to no sum
  SELECT
    user_id,
    (max(day) - min(day) + 1)::numeric AS days,
    sum(percent) AS percents,
    sum(percent * percent) AS squares
  FROM (
    SELECT user_id, day, sum(percent) AS percent
    FROM settled
    WHERE percent IS NOT NULL
      AND day > '0001-01-02' AND day < '9999-12-30'  -- of no day that there was: thousands of years would count as 0
    GROUP BY user_id, day
  ) AS daily
  GROUP BY user_id
),
annual AS (  -- mean / sample standard deviation = percents / sqrt(days * (days * squares - percents^2) / (days - 1))
  SELECT
    user_id,
    percents / sqrt(days * (days * squares - percents * percents) / (days - 1)) * sqrt(365.0) AS sharpe
  FROM spread
  WHERE days > 1 AND days * squares > percents * percents
)
SELECT
  user_id,
  coalesce(sums.trades, 0) AS total_trades,
  coalesce(sums.wins, 0) AS winning_trades,
  coalesce(sums.losses, 0) AS losing_trades,
  100.0 * sums.wins / sums.trades AS success_rate,
  coalesce(sums.net, 0) AS total_profit_loss,
  coalesce(sums.profit, 0) AS total_profit,
  coalesce(sums.loss, 0) AS total_loss,
  sums.average_win AS average_win,
  sums.average_loss AS average_loss,
  sums.best_id AS best_trade_id,
  sums.highest AS best_trade_profit,
  sums.worst_id AS worst_trade_id,
  sums.lowest AS worst_trade_loss,
  sums.sharpe AS sharpe_ratio,
  annual.sharpe AS sharpe_ratio_annualised,
  coalesce(sums.drawdown, 0) AS max_drawdown,
  sums.profit / nullif(sums.loss, 0) AS profit_factor,
  sums.wins::numeric / nullif(sums.losses, 0) AS win_loss_ratio,
  sums.galaxy_wins AS avg_galaxy_score_wins,
  sums.galaxy_losses AS avg_galaxy_score_losses,
  sums.correlation AS social_correlation
FROM sums
LEFT JOIN annual USING (user_id)
