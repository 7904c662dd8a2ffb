-- Writes the gate's verdicts on trades that do not pass into their claims, and answers which of them wait and which are
-- refused. A trade that waits gives its lease back and is due again later, with growing delays (5 minutes, doubled at
-- each try, 2 hours at most) but in time for the end of its patience: :patience for better data, :tail_patience for the
-- end of its window, which ends in a verdict of its own that lets it pass.
-- Tables are joined by their keys only, and no CTE with them: the statistics of the claims may be of a time when there
-- were none, and a plan for one row costs the square of many. lock_judged has locked the rows.
UPDATE settlement_claims AS claim
SET
  gate = judged.gate,
  resolution = verdict.resolution,
  data_source = verdict.data_source,
  data_quality_score = verdict.data_quality_score,
  reason = verdict.reason,
  lease_expires_at = CASE judged.gate WHEN 'waiting' THEN now() ELSE now() + :lease END,
  next_attempt_at = CASE judged.gate WHEN 'waiting' THEN least(
    now() + least(interval '5 minutes' * 2 ^ least(claim.attempts - 1, 10), interval '2 hours'),
    judged.patient_until
  ) END
FROM gate_verdicts AS verdict
JOIN trade_signals AS signal ON signal.id = verdict.id
CROSS JOIN LATERAL (
  SELECT signal.expires_at + CASE WHEN verdict.awaited THEN :tail_patience ELSE :patience END AS patient_until
) AS patience
CROSS JOIN LATERAL (
  SELECT
    patient_until,
    CASE WHEN patient_until <= now() AND NOT verdict.awaited THEN 'refused' ELSE 'waiting' END AS gate
) AS judged
WHERE claim.trade_signal_id = verdict.id
  AND claim.claim_id = :claim_id
  AND claim.batch = :batch
  AND claim.gate IS DISTINCT FROM 'waiting'
  AND signal.status = 'active'
RETURNING claim.trade_signal_id::text AS id, claim.gate
