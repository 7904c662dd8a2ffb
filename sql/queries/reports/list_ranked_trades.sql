-- The worst trades that were settled in a period, by net result (:sign 1), or the best (-1); what is no number is left out.
SELECT signal.id, signal.symbol, signal.direction, signal.timeframe, result.net_profit_loss AS net
FROM trade_signals AS signal
JOIN trade_results AS result ON result.trade_signal_id = signal.id
WHERE signal.status IN ('completed_success', 'completed_failure')
  AND coalesce(signal.completed_at, signal.expires_at) >= :begins
  AND coalesce(signal.completed_at, signal.expires_at) < :ends
  AND result.net_profit_loss > '-Infinity' AND result.net_profit_loss < 'Infinity'
ORDER BY CAST(:sign AS integer) * result.net_profit_loss, signal.id
LIMIT :limit
