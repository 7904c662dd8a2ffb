-- In a restored database: what was on its way when the backup was made has gone out since. What is held back, or due
-- only later, such as a digest, stays: nobody was notified of it.
UPDATE alert_deliveries
SET state = 'dropped', reason = 'it was due before the database was restored', settled_at = now()
WHERE state = 'waiting' AND due_at <= now()
