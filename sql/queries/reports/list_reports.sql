-- Reports of the page, the newest period first. A page begins after the row that :after_end, :after_kind name.
SELECT id, kind, period_start, period_end, version, known_until, stored_at, run_url
FROM reports
WHERE (CAST(:kind AS text) IS NULL OR kind = :kind)
  AND (
    CAST(:after_end AS date) IS NULL
    OR (period_end, kind) < (CAST(:after_end AS date), CAST(:after_kind AS text))
  )
ORDER BY period_end DESC, kind DESC
LIMIT :limit
