-- What came of a run of generate_signals for one user.
SELECT outcome, trade_signal_id, reason
FROM signal_attempts
WHERE run_id = :run_id
