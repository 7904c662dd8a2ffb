-- Writes the gate's verdicts. A trade that waits gives its lease back and is due again later, with growing
-- delays (5 minutes, doubled at each try, 2 hours at most) but in time for the end of its patience: :patience for
-- better data, :tail_patience for the end of its window, which ends in a verdict of its own that lets it pass.
WITH held AS MATERIALIZED (
  SELECT
    signal.id,
    verdict.passed,
    verdict.awaited,
    signal.expires_at + CASE WHEN verdict.awaited THEN :tail_patience ELSE :patience END AS patient_until
  FROM trade_signals AS signal
  JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  JOIN gate_verdicts AS verdict ON verdict.id = signal.id
  WHERE claim.claim_id = :claim_id
    AND claim.batch = :batch
    AND claim.gate IS NULL
    AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
), mine AS (
  SELECT
    id,
    patient_until,
    CASE
      WHEN passed THEN 'passed'
      WHEN patient_until <= now() AND NOT awaited THEN 'refused'
      ELSE 'waiting'
    END AS gate
  FROM held
), judged AS (
  UPDATE settlement_claims AS claim
  SET
    gate = mine.gate,
    resolution = verdict.resolution,
    data_source = verdict.data_source,
    data_quality_score = verdict.data_quality_score,
    reason = verdict.reason,
    lease_expires_at = CASE mine.gate WHEN 'waiting' THEN now() ELSE now() + :lease END,
    next_attempt_at = CASE mine.gate WHEN 'waiting' THEN least(
      now() + least(interval '5 minutes' * 2 ^ least(claim.attempts - 1, 10), interval '2 hours'),
      mine.patient_until
    ) END
  FROM mine
  JOIN gate_verdicts AS verdict USING (id)
  WHERE claim.trade_signal_id = mine.id
  RETURNING claim.trade_signal_id, claim.gate, claim.reason
), waiting AS (
  UPDATE trade_signals AS signal
  SET status_reason = judged.reason
  FROM judged
  WHERE judged.gate = 'waiting'
    AND signal.id = judged.trade_signal_id
    AND signal.status_reason IS DISTINCT FROM judged.reason
)
SELECT gate, count(*) AS trades FROM judged GROUP BY gate ORDER BY gate
