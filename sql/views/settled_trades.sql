-- What the statistics of a user take of each trade that counts. They come in the order of ended_at, exit_at and id; an
-- exit at no known time is the last of its moment.
CREATE OR REPLACE VIEW settled_trades WITH (security_invoker = true) AS
SELECT
  signal.user_id,
  signal.id,
  coalesce(signal.completed_at, signal.expires_at) AS ended_at,
  coalesce(result.exit_at, 'infinity') AS exit_at,
  signal.status = 'completed_success' AS won,
  result.net_profit_loss AS net,
  result.profit_loss_percentage AS percent,
  snapshot.galaxy_score AS score
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
LEFT JOIN LATERAL (
  SELECT galaxy_score
  FROM trade_market_snapshot
  WHERE trade_signal_id = signal.id
  ORDER BY snapshot_at DESC, id
  LIMIT 1
) AS snapshot ON true
WHERE signal.status IN ('completed_success', 'completed_failure');

COMMENT ON VIEW settled_trades IS 'Trades that count in the statistics of their users, and what these take of them';
