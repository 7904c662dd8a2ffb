-- Writes down what silences and inhibitions mean for deliveries.
UPDATE alert_deliveries AS delivery
SET
  state = verdict.state,
  reason = verdict.reason,
  settled_at = CASE WHEN verdict.state = 'dropped' THEN now() END
FROM jsonb_to_recordset(CAST(:verdicts AS jsonb)) AS verdict (
  notice_id uuid, channel text, state text, reason text
)
WHERE delivery.notice_id = verdict.notice_id
  AND delivery.channel = verdict.channel
  AND delivery.settled_at IS NULL
