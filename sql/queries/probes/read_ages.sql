-- When the platform last did what it should do again and again, as far as its own tables know.
SELECT
  (SELECT max(finished_at) FROM backups WHERE status = 'complete' AND finished_at <= now()) AS backup,
  (SELECT max(started_at) FROM restore_drills WHERE success AND started_at <= now()) AS drill,
  (SELECT max(checked_at) FROM probe_results WHERE checked_at <= now() AND status IS NOT NULL) AS probe
