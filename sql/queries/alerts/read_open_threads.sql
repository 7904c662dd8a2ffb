-- One open thread for each subject that a channel has something due about; idle ones of a day ago are closed.
WITH idle AS (
  UPDATE alert_threads AS thread
  SET closed_at = now()
  WHERE closed_at IS NULL
    AND told_at < now() - interval '1 day'
    AND coalesce(claimed_until, '-infinity') < now()
  RETURNING channel, subject
)
INSERT INTO alert_threads (channel, subject)
SELECT DISTINCT channel, subject
FROM alert_deliveries AS delivery
WHERE state = 'waiting'
  AND due_at <= now()
  AND NOT EXISTS (SELECT FROM idle WHERE idle.channel = delivery.channel AND idle.subject = delivery.subject)
ON CONFLICT (channel, subject) WHERE closed_at IS NULL DO NOTHING
