-- Stores a report; a run that is repeated replaces its own.
INSERT INTO maintenance_reports (kind, run_url, findings, sections)
VALUES (:kind, :run_url, CAST(:findings AS jsonb), CAST(:sections AS jsonb))
ON CONFLICT (run_url) DO UPDATE SET
  findings = excluded.findings,
  sections = excluded.sections,
  created_at = now()
RETURNING id
