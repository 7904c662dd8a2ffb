-- Each key that was made or revoked, each silence, freeze and restore of a period, the newest first.
SELECT at, what, who, detail, count(*) OVER () AS events
FROM (
  SELECT created_at AS at, 'API key made' AS what, made_by AS who, prefix || '… ' || name AS detail FROM api_keys
  UNION ALL
  SELECT revoked_at, 'API key revoked', revoked_by, prefix || '… ' || name FROM api_keys WHERE revoked_at IS NOT NULL
  UNION ALL
  SELECT
    created_at, 'alerts silenced', author,
    reason || ' (until ' || to_char(ordinary_time(ends_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC)'
  FROM alert_silences
  UNION ALL
  SELECT begins_at, 'platform frozen', author, reason || ' (' || array_to_string(groups, ', ') || ')' FROM freezes
  UNION ALL
  SELECT ended_at, 'platform given back', ended_by, reason FROM freezes WHERE ended_at IS NOT NULL
  UNION ALL
  SELECT finished_at, 'database restored', coalesce(approved_by, 'nobody is noted'), backup_id FROM restores
) AS event
WHERE at >= :begins AND at < :ends
ORDER BY at DESC, what, detail
LIMIT :limit
