-- Gives back the analyses of a claim that were never tried, with the reason. (set_back_future_rows knows the wait.)
UPDATE analysis_claims
SET
  lease_expires_at = now(),
  next_attempt_at = now() + CAST(:wait AS interval),
  last_error = :error
WHERE claim_id = :claim_id AND trade_signal_id = ANY(CAST(:ids AS uuid[]))
