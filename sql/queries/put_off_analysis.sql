-- Gives an analysis that failed back, with the reason. A failure of the service does not count as a try of this
-- trade (:counts false); a final one ends its tries (:final). The next try waits 5 minutes, doubled each time.
UPDATE analysis_claims
SET
  lease_expires_at = now(),
  attempts = CASE WHEN :final THEN greatest(attempts, :attempts) WHEN :counts THEN attempts ELSE attempts - 1 END,
  next_attempt_at = now() + interval '5 minutes' * 2 ^ least(attempts - 1, 8),
  last_error = :error
WHERE trade_signal_id = CAST(:id AS uuid) AND claim_id = :claim_id
