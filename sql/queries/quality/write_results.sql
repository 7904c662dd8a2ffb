-- Stores what a suite said of a batch, in place of what it said before.
INSERT INTO data_quality_results AS former
  (suite, batch, day, success, severity, rows, evaluated, failed, details, run_url)
VALUES
  (:suite, :batch, :day, :success, :severity, :rows, :evaluated, :failed, CAST(:details AS jsonb), :run_url)
ON CONFLICT (suite, batch) DO UPDATE SET
  day = excluded.day,
  success = excluded.success,
  severity = excluded.severity,
  rows = excluded.rows,
  evaluated = excluded.evaluated,
  failed = excluded.failed,
  details = excluded.details,
  run_url = excluded.run_url,
  created_at = excluded.created_at
