-- Notes why a version could not be sent by a channel; the next try need not wait for the lease.
UPDATE report_deliveries
SET state = 'failed', reason = :reason, claimed_until = NULL
WHERE report_id = :id AND version = :version AND channel = :channel
