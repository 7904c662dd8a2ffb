-- How the sending of a version by a channel stands.
SELECT state, sent_at, claimed_until
FROM report_deliveries
WHERE report_id = :id AND version = :version AND channel = :channel
