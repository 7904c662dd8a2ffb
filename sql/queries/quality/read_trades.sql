-- The trades settled from :start to before :end, with what the audit checks of them. The identities are
-- computed here, in numeric. Errors of money are positive shares of the trade size.
SELECT
  signal.id::text AS id,
  signal.symbol,
  signal.direction,
  signal.timeframe,
  signal.status,
  signal.status_reason,
  engine_time(signal.generated_at) AS generated_at,
  engine_time(signal.expires_at) AS expires_at,
  signal.completed_at,
  engine_number(signal.confidence_score) AS confidence_score,
  result.trade_signal_id IS NOT NULL AS has_result,
  result.exit_reason,
  engine_time(result.entry_at) AS entry_at,
  engine_time(result.exit_at) AS exit_at,
  engine_number(result.fees_paid) AS fees_paid,
  engine_number(result.slippage_cost) AS slippage_cost,
  engine_number(result.max_favorable_excursion) AS max_favorable_excursion,
  engine_number(result.max_adverse_excursion) AS max_adverse_excursion,
  result.time_to_completion_minutes::float8 AS time_to_completion_minutes,
  result.data_quality_score::float8 AS data_quality_score,
  CASE WHEN outcome.entered OR result.exit_reason = 'not_entered' THEN result.data_quality_score::float8 END
    AS settled_score,
  engine_time(hits.first_hit_at) AS first_hit_at,
  engine_time(hits.last_hit_at) AS last_hit_at,
  hits.complete AS hits_complete,

  -- contract/backtest.md, rule 11
  coalesce(result.exit_reason LIKE 'invalid: %', false) AS called_invalid,
  (
    signal.expires_at > signal.generated_at
    AND signal.direction IN ('LONG', 'SHORT')
    AND least(signal.entry_price, signal.stop_loss, signal.take_profit_1, signal.take_profit_2, signal.take_profit_3) > 0
    AND greatest(signal.entry_price, signal.stop_loss, signal.take_profit_1, signal.take_profit_2, signal.take_profit_3)
      < 'Infinity'
    AND side * signal.stop_loss < side * signal.entry_price
    AND side * signal.entry_price < side * signal.take_profit_1
    AND side * signal.take_profit_1 <= side * signal.take_profit_2
    AND side * signal.take_profit_2 <= side * signal.take_profit_3
    AND least(signal.allocation_1, signal.allocation_2, signal.allocation_3) >= 0
    AND abs(signal.allocation_1 + signal.allocation_2 + signal.allocation_3 - 100) <= 0.01
  ) IS NOT TRUE AS is_invalid,

  -- rules 9 and 10
  CASE
    WHEN outcome.entered AND result.net_profit_loss > 0 THEN 'completed_success'
    WHEN outcome.entered THEN 'completed_failure'
    WHEN result.exit_reason = 'not_entered' THEN 'expired'
    WHEN result.exit_reason IN ('no_candles', 'poor_data') OR result.exit_reason LIKE 'invalid: %' THEN 'incomplete_data'
    WHEN result.trade_signal_id IS NOT NULL THEN 'none'
  END AS status_by_reason,
  result.sl_hit = (result.exit_reason IN ('stopped', 'targets_then_stopped')) AS stop_fits,
  CASE
    WHEN outcome.entered THEN outcome.blanks = 0 AND outcome.money_blanks = 0 AND NOT outcome.odd
    WHEN result.exit_reason = 'not_entered'
      THEN outcome.blanks = 6
      AND (gross_profit_loss, fees_paid, slippage_cost, net_profit_loss, profit_loss_percentage) = (0, 0, 0, 0, 0)
    ELSE outcome.blanks = 6 AND outcome.money_blanks = 5
  END AS outcome_complete,

  -- rules 7 and 12
  engine_number(abs(net_profit_loss - (gross_profit_loss - fees_paid - slippage_cost)) / size) AS net_error,
  engine_number(abs(profit_loss_percentage / 100 - net_profit_loss / size)) AS percentage_error,
  engine_number(
    abs(gross_profit_loss / size - side * (actual_exit_price / nullif(actual_entry_price, 0) - 1))
  ) AS gross_error,
  floor(extract(epoch FROM coalesce(engine_time(exit_at), engine_time(expires_at)) - engine_time(generated_at)) / 60)::float8 AS minutes_by_times
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
CROSS JOIN LATERAL (
  SELECT
    CASE signal.direction WHEN 'SHORT' THEN -1 ELSE 1 END AS side,
    nullif(trade_size_usd, 0) AS size,
    coalesce(result.exit_reason IN ('targets', 'stopped', 'targets_then_stopped', 'expired'), false) AS entered,
    num_nulls(
      entry_at, exit_at, actual_entry_price, actual_exit_price, max_favorable_excursion, max_adverse_excursion
    ) AS blanks,
    num_nulls(
      gross_profit_loss, fees_paid, slippage_cost, net_profit_loss, profit_loss_percentage
    ) AS money_blanks,
    'NaN' = ANY (ARRAY[  -- engine_number: also infinity
      engine_number(gross_profit_loss), engine_number(fees_paid), engine_number(slippage_cost),
      engine_number(net_profit_loss), engine_number(profit_loss_percentage), engine_number(actual_entry_price),
      engine_number(actual_exit_price)
    ]) IS TRUE AS odd
) AS outcome
CROSS JOIN LATERAL (
  SELECT
    min(hit_at) AS first_hit_at,
    max(hit_at) AS last_hit_at,
    bool_and(hit = (hit_at IS NOT NULL) AND hit = (price IS NOT NULL)) AS complete
  FROM (
    VALUES
      (tp1_hit, tp1_hit_at, tp1_hit_price),
      (tp2_hit, tp2_hit_at, tp2_hit_price),
      (tp3_hit, tp3_hit_at, tp3_hit_price),
      (sl_hit, sl_hit_at, sl_hit_price)
  ) AS level (hit, hit_at, price)
) AS hits
WHERE signal.completed_at >= :start
  AND signal.completed_at < :end
  AND signal.status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
ORDER BY signal.completed_at, signal.id
LIMIT :limit
