-- What became of the analysis of the trade.
SELECT outcome, model, reason
FROM analysis_requests
WHERE claim_id = :run_id AND trade_signal_id = :trade_signal_id
