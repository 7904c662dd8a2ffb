-- Writes the gate's verdicts. A trade that waits gives its lease back and is due again later, with growing
-- delays (5 minutes, doubled at each try, 2 hours at most) but in time for the end of its patience.
WITH mine AS MATERIALIZED (
  SELECT signal.id
  FROM trade_signals AS signal
  JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  JOIN gate_verdicts AS verdict ON verdict.id = signal.id
  WHERE claim.claim_id = :claim_id
    AND claim.batch = :batch
    AND claim.gate IS NULL
    AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
), judged AS (
  UPDATE settlement_claims AS claim
  SET
    gate = CASE
      WHEN verdict.passed THEN 'passed'
      WHEN signal.expires_at + :patience <= now() THEN 'refused'
      ELSE 'waiting'
    END,
    resolution = verdict.resolution,
    data_source = verdict.data_source,
    data_quality_score = verdict.data_quality_score,
    reason = verdict.reason,
    lease_expires_at = CASE
      WHEN verdict.passed OR signal.expires_at + :patience <= now() THEN now() + :lease
      ELSE now()
    END,
    next_attempt_at = CASE
      WHEN verdict.passed OR signal.expires_at + :patience <= now() THEN NULL
      ELSE least(
        now() + least(interval '5 minutes' * 2 ^ least(claim.attempts - 1, 10), interval '2 hours'),
        signal.expires_at + :patience
      )
    END
  FROM mine
  JOIN trade_signals AS signal USING (id)
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
