-- When the platform last made a backup, drilled and probed. A time ahead of the clock is none.
SELECT
  (SELECT max(finished_at) FROM backups WHERE status = 'complete' AND finished_at <= now()) AS backup,
  (SELECT max(started_at) FROM restore_drills WHERE success AND started_at <= now()) AS drill,
  (SELECT max(checked_at) FROM probe_status WHERE status IS NOT NULL AND checked_at <= now()) AS probe
