-- Extends the lease of a batch that is still ours. A lapsed lease that nobody took is ours as well; one that
-- another sweep took carries another claim_id; a trade that the gate sent back keeps its released lease. A lease that
-- has :almost its whole length left is left as it is.
WITH mine AS MATERIALIZED (
  SELECT trade_signal_id
  FROM settlement_claims
  WHERE claim_id = :claim_id AND batch = :batch AND gate IS DISTINCT FROM 'waiting'
    AND lease_expires_at < now() + :almost
  ORDER BY trade_signal_id
  FOR UPDATE
)
UPDATE settlement_claims AS claim
SET lease_expires_at = now() + :lease
FROM mine
WHERE claim.trade_signal_id = mine.trade_signal_id
