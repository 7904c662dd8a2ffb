-- Keeps the figures of a report: the first version of a period, or one after the version :former. No row: another run
-- was faster.
INSERT INTO reports AS report (kind, period_start, period_end, known_until, figures, run_url)
VALUES (:kind, :start, :end, :known_until, CAST(:figures AS jsonb), :run_url)
ON CONFLICT (kind, period_start) DO UPDATE SET
  version = report.version + 1, known_until = EXCLUDED.known_until, figures = EXCLUDED.figures,
  run_url = EXCLUDED.run_url, built_at = now(), location = NULL, files = NULL, stored_at = NULL
WHERE report.version = CAST(:former AS integer)
RETURNING id, version
