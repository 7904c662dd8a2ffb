-- Backups and restore drills of each period, in the order of :begins.
SELECT
  (
    SELECT count(*) FROM backups
    WHERE started_at >= period.begins AND started_at < period.ends
      AND status IN ('complete', 'deleting', 'deleted', 'lost')
  ) AS backups_made,
  (
    SELECT count(*) FROM backups
    WHERE started_at >= period.begins AND started_at < period.ends 
      AND (status IN ('failed', 'lost') OR verified = 'bad')
  ) AS backups_failed,
  (SELECT count(*) FROM restore_drills WHERE started_at >= period.begins AND started_at < period.ends) AS drills,
  (
    SELECT count(*) FROM restore_drills
    WHERE started_at >= period.begins AND started_at < period.ends AND NOT success
  ) AS drills_failed
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
ORDER BY period.place
