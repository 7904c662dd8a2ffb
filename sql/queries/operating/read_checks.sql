-- When what the checklists ask for was so last; null: never. Of days: when the newest day that is there was over. A time
-- ahead of the clock proves nothing.
WITH good AS (
  SELECT kind, max(finished_at) AS last
  FROM backups
  WHERE status = 'complete' AND verified IN ('decoded', 'hashed') AND finished_at <= now()
  GROUP BY kind
)
SELECT 'backup_database' AS key, (SELECT last FROM good WHERE kind = 'database') AS last
UNION ALL
SELECT 'backup_full', (SELECT last FROM good WHERE kind = 'full')
UNION ALL
SELECT 'backup_configuration', (SELECT last FROM good WHERE kind = 'configuration')
UNION ALL
SELECT 'alerts', (SELECT max(at) FROM alert_evaluations WHERE at <= now())
UNION ALL
SELECT 'probes', (SELECT max(checked_at) FROM probe_status WHERE kind = 'platform' AND checked_at <= now())
UNION ALL
SELECT 'kpis', (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM daily_kpis WHERE day < CURRENT_DATE)
UNION ALL
SELECT 'quality', (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM data_quality_results WHERE day < CURRENT_DATE)
UNION ALL
SELECT 'drill', (SELECT max(started_at) FROM restore_drills WHERE success AND started_at <= now())
UNION ALL
SELECT 'upkeep', (SELECT max(created_at) FROM maintenance_reports WHERE created_at <= now())
UNION ALL
SELECT 'review', (SELECT max(created_at) FROM maintenance_reports WHERE kind = 'monthly' AND created_at <= now())
UNION ALL
SELECT 'retention', (SELECT max(deleted_at) FROM archived_batches WHERE deleted_at <= now())
