-- Notices with which every channel is done; one without any delivery has nobody who wants to know.
UPDATE alert_notices AS notice
SET handled_at = now()
WHERE handled_at IS NULL
  AND NOT EXISTS (SELECT FROM alert_deliveries WHERE notice_id = notice.id AND settled_at IS NULL)
