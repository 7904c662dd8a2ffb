-- Locks the trades of gate_verdicts that this claim still holds, each before its claim, as everywhere: gate_trades and
-- note_waiting write them then.
SELECT count(*) FROM (
  SELECT
  FROM gate_verdicts AS verdict
  JOIN trade_signals AS signal ON signal.id = verdict.id
  JOIN settlement_claims AS claim ON claim.trade_signal_id = verdict.id
  WHERE claim.claim_id = :claim_id
    AND claim.batch = :batch
    AND claim.gate IS DISTINCT FROM 'waiting'
    AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
) AS locked
