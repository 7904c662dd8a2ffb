-- Reports of the page, the newest period first: with what was sent where. A page begins after the row that :after_end,
-- :after_kind name.
SELECT
  report.id, report.kind, report.period_start, report.period_end, report.version, report.known_until, report.stored_at,
  report.run_url,
  coalesce(
    (
      SELECT json_agg(json_build_object(
        'channel', channel, 'state', state, 'sent_at', sent_at, 'sent_to', sent_to, 'reason', reason,
        'version', delivery.version
      ) ORDER BY delivery.version DESC, channel)
      FROM report_deliveries AS delivery
      WHERE delivery.report_id = report.id
    ),
    '[]'
  ) AS deliveries
FROM reports AS report
WHERE (CAST(:kind AS text) IS NULL OR report.kind = :kind)
  AND (
    CAST(:after_end AS date) IS NULL
    OR (report.period_end, report.kind) < (CAST(:after_end AS date), CAST(:after_kind AS text))
  )
ORDER BY report.period_end DESC, report.kind DESC
LIMIT :limit
