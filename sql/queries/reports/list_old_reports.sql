-- Reports on periods that ended before :before, the oldest first. What has files elsewhere than at :location is left.
SELECT id, kind, period_start
FROM reports
WHERE period_end < :before AND (location IS NULL OR location = :location)
ORDER BY period_end
LIMIT :limit
