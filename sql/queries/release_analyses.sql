-- Gives back the analyses of a claim that were never tried, because the model was found to be down.
UPDATE analysis_claims
SET
  lease_expires_at = now(),
  attempts = attempts - 1,
  next_attempt_at = now() + interval '5 minutes',
  last_error = :error
WHERE claim_id = :claim_id AND trade_signal_id = ANY(CAST(:ids AS uuid[]))
