-- Notes that a version has been sent by a channel, to whom, and what the service said.
UPDATE report_deliveries
SET state = 'sent', sent_at = now(), sent_to = :sent_to, response = :response, reason = NULL, claimed_until = NULL,
  reference = CAST(:reference AS jsonb)
WHERE report_id = :id AND version = :version AND channel = :channel
