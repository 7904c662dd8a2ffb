-- What a message says: of each alert or cause in it the first and the last notice of each kind, and how many
-- there are; and how many notices of its subjects are held back.
WITH carried AS (
  SELECT
    notice.*,
    count(*) OVER of_kind AS counted,
    row_number() OVER (of_kind ORDER BY created_at, id) AS from_first,
    row_number() OVER (of_kind ORDER BY created_at DESC, id DESC) AS from_last
  FROM alert_deliveries AS delivery
  JOIN alert_notices AS notice ON notice.id = delivery.notice_id
  WHERE delivery.message_id = :message_id AND delivery.state = 'waiting'
  WINDOW of_kind AS (PARTITION BY notice.fingerprint, notice.kind)
)
SELECT *
FROM carried
WHERE from_first = 1 OR from_last = 1
ORDER BY created_at, id
LIMIT :limit
