-- A report for its page: its newest version, where its files are, and what was sent where.
SELECT
  id, kind, period_start, period_end, version, known_until, figures, location, files, stored_at, run_url,
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
WHERE id = :id
