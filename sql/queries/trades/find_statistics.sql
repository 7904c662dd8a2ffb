-- A user's statistics as they stand: the row of atge_performance_cache, whether trades have changed since it was
-- calculated, the version of what the rest is worked out from, and the rest if it was kept for that version. Every change
-- of a settled trade leaves a note, and every refresh takes notes away and writes the row: the row and the notes that are
-- left say together which trades these are. include/trades/statistics.py fills the braces.
SELECT
  CASE WHEN cache.user_id IS NOT NULL THEN {performance}::text END AS performance,
  notes.ids IS NOT NULL AS refresh_pending,
  now.version,
  kept.body AS breakdown
FROM (SELECT CAST(:user AS uuid) AS id) AS wanted
LEFT JOIN atge_performance_cache AS cache ON cache.user_id = wanted.id
CROSS JOIN LATERAL (
  SELECT string_agg(id::text, ',' ORDER BY id) AS ids FROM performance_refreshes WHERE user_id = wanted.id
) AS notes
CROSS JOIN LATERAL (
  SELECT concat_ws(' ', cache.xmin, cache.last_calculated_at, '/', md5(notes.ids)) AS version
) AS now
LEFT JOIN kept_answers AS kept
  ON kept.name = :name AND kept.subject = wanted.id::text AND kept.version = now.version
