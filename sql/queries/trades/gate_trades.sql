-- Writes the gate's verdicts on trades that do not pass, and answers which of them wait and which are refused. A trade
-- that waits gives its lease back and is due again later, with growing delays (5 minutes, doubled at each try, 2 hours
-- at most) but in time for the end of its patience: :patience for better data, :tail_patience for the end of its
-- window, which ends in a verdict of its own that lets it pass. The trade is locked before its claim, as everywhere.
WITH held AS MATERIALIZED (
  SELECT
    verdict.*,
    signal.expires_at + CASE WHEN verdict.awaited THEN :tail_patience ELSE :patience END AS patient_until
  FROM gate_verdicts AS verdict
  JOIN trade_signals AS signal ON signal.id = verdict.id
  JOIN settlement_claims AS claim ON claim.trade_signal_id = verdict.id
  WHERE claim.claim_id = :claim_id
    AND claim.batch = :batch
    AND claim.gate IS DISTINCT FROM 'waiting'
    AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
), verdicts AS (
  SELECT
    *, CASE WHEN patient_until <= now() AND NOT awaited THEN 'refused' ELSE 'waiting' END AS gate
  FROM held
), judged AS (
  UPDATE settlement_claims AS claim
  SET
    gate = verdict.gate,
    resolution = verdict.resolution,
    data_source = verdict.data_source,
    data_quality_score = verdict.data_quality_score,
    reason = verdict.reason,
    lease_expires_at = CASE verdict.gate WHEN 'waiting' THEN now() ELSE now() + :lease END,
    next_attempt_at = CASE verdict.gate WHEN 'waiting' THEN least(
      now() + least(interval '5 minutes' * 2 ^ least(claim.attempts - 1, 10), interval '2 hours'),
      verdict.patient_until
    ) END
  FROM verdicts AS verdict
  WHERE claim.trade_signal_id = verdict.id
  RETURNING claim.trade_signal_id, claim.gate, claim.reason
), waiting AS (
  UPDATE trade_signals AS signal
  SET status_reason = judged.reason
  FROM judged
  WHERE judged.gate = 'waiting'
    AND signal.id = judged.trade_signal_id
    AND signal.status_reason IS DISTINCT FROM judged.reason
)
SELECT trade_signal_id::text AS id, gate FROM judged
