-- The batches that a claim holds, with the trades in each.
SELECT batch, count(*) AS trades
FROM settlement_claims
WHERE claim_id = :claim_id AND lease_expires_at > now()
GROUP BY batch
ORDER BY batch
