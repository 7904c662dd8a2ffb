-- Backups of this installation that are said to run though nobody holds their lock: their process died.
SELECT id FROM backups
WHERE location = :location AND status = 'running' AND installation = this_installation()
  AND pg_try_advisory_xact_lock(hashtextextended('tradeops backup ' || id, 0))
ORDER BY started_at
LIMIT :most
