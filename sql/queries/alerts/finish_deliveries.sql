-- Notices with which every channel is done. One without deliveries is too new to have any.
UPDATE alert_notices AS notice
SET handled_at = now()
WHERE handled_at IS NULL
  AND EXISTS (SELECT FROM alert_deliveries WHERE notice_id = notice.id)
  AND NOT EXISTS (SELECT FROM alert_deliveries WHERE notice_id = notice.id AND settled_at IS NULL)
