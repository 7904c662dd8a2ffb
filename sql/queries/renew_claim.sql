-- Extends the lease of a batch that is still ours. A lapsed lease that nobody took is ours as well; one that
-- another sweep took carries another claim_id; a trade that the gate sent back keeps its released lease.
UPDATE settlement_claims
SET lease_expires_at = now() + :lease
WHERE claim_id = :claim_id AND batch = :batch AND gate IS DISTINCT FROM 'waiting'
