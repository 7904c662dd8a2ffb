-- How the trade stands that a sweep was started for, and why it is not settled.
SELECT
  signal.status, result.net_profit_loss, result.exit_reason,
  CASE WHEN signal.status = 'active' THEN coalesce(claim.reason, signal.status_reason) ELSE signal.status_reason END
    AS reason
FROM trade_signals AS signal
LEFT JOIN trade_results AS result ON result.trade_signal_id = signal.id
LEFT JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
WHERE signal.id = :trade_signal_id
