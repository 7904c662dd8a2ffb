-- Takes the sending of a version by a channel under a lease; no row: it has been sent, or somebody is sending it. :again
-- sends it once more by another run than the one that sent it.
INSERT INTO report_deliveries AS delivery (report_id, version, channel, state, attempts, claimed_until, run_url)
VALUES (:id, :version, :channel, 'waiting', 1, now() + CAST(:lease AS interval), :run_url)
ON CONFLICT (report_id, version, channel) DO UPDATE SET
  state = 'waiting', attempts = delivery.attempts + 1, claimed_until = EXCLUDED.claimed_until,
  run_url = EXCLUDED.run_url
WHERE (delivery.state <> 'sent' OR (CAST(:again AS boolean) AND delivery.run_url <> EXCLUDED.run_url))
  AND (delivery.claimed_until IS NULL OR delivery.claimed_until < now())
RETURNING attempts
