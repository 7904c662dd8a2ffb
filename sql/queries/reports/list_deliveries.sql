-- What was sent where of some reports, in all their versions, the newest first.
SELECT report_id, channel, version, state, sent_at, sent_to, reason
FROM report_deliveries
WHERE report_id = ANY (CAST(:ids AS uuid[]))
ORDER BY report_id, version DESC, channel
