-- When what the checklists ask for was so last; null: never. Of days: when the newest day that is there was over.
WITH good AS (
  SELECT kind, max(finished_at) AS last
  FROM backups
  WHERE status = 'complete' AND verified IN ('decoded', 'hashed')
  GROUP BY kind
)
SELECT 'backup_database' AS key, (SELECT last FROM good WHERE kind = 'database') AS last
UNION ALL
SELECT 'backup_full', (SELECT last FROM good WHERE kind = 'full')
UNION ALL
SELECT 'backup_configuration', (SELECT last FROM good WHERE kind = 'configuration')
UNION ALL
SELECT 'alerts', (SELECT max(at) FROM alert_evaluations)
UNION ALL
SELECT 'probes', (SELECT max(checked_at) FROM probe_status WHERE kind = 'platform')
UNION ALL
SELECT 'kpis', (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM daily_kpis)
UNION ALL
SELECT 'quality', (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM data_quality_results WHERE day < CURRENT_DATE)
UNION ALL
SELECT 'drill', (SELECT max(started_at) FROM restore_drills WHERE success)
UNION ALL
SELECT 'upkeep', (SELECT max(created_at) FROM maintenance_reports)
UNION ALL
SELECT 'review', (SELECT max(created_at) FROM maintenance_reports WHERE kind = 'monthly')
UNION ALL
SELECT 'retention', (SELECT max(deleted_at) FROM archived_batches)
