-- What became of each trade that counts, with its place in the distributions that the page on performance shows. The
-- model of a trade is '' where it is not known.
--
-- R: the net result as a multiple of what the stop would have lost, both in percent of the position. Bins of R: 0 is below
-- -2, then 32 of a quarter from -2 to 6, 33 is 6 or more. Bins of confidence: 1 to 10, of 10 points each; 100 is in the last.
-- A number that is none, or no sensible one, has no bin.
CREATE OR REPLACE VIEW trade_outcomes WITH (security_invoker = true) AS
SELECT
  signal.id,
  signal.user_id,
  signal.symbol,
  signal.timeframe,
  signal.direction,
  coalesce(signal.ai_model, '') AS ai_model,
  signal.generated_at,
  coalesce(signal.completed_at, signal.expires_at) AS ended_at,
  trade_day(signal.completed_at, signal.expires_at) AS day,
  coalesce(result.exit_at, 'infinity') AS exit_at,
  signal.status = 'completed_success' AS won,
  result.net_profit_loss AS net,
  result.fees_paid AS fees,
  result.profit_loss_percentage AS percent,
  CASE
    WHEN profit_loss_percentage BETWEEN -1e6 AND 1e6 AND entry_price BETWEEN 1e-30 AND 1e30
      AND abs(entry_price - stop_loss) BETWEEN 1e-30 AND 1e30
    THEN width_bucket(profit_loss_percentage * entry_price / (100 * abs(entry_price - stop_loss)), -2, 6, 32)
  END AS r_bin,
  CASE WHEN confidence_score BETWEEN 0 AND 100 THEN least(width_bucket(confidence_score, 0, 100, 10), 10) END
    AS confidence_bin
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE signal.status IN ('completed_success', 'completed_failure');

COMMENT ON VIEW trade_outcomes IS 'What became of each trade that counts: result, day, bins of R and of confidence';
