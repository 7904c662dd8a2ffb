-- How a drill ended.
INSERT INTO restore_drills (
  backup_id, started_at, restore_seconds, total_seconds, bytes, rows, queries, success, findings, run_url
)
VALUES (
  :backup_id, :started, :restore_seconds, :total_seconds, :bytes, :rows, :queries, :success,
  CAST(:findings AS jsonb), :run_url
)
