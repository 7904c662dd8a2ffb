-- Reports on periods that ended before :before, the oldest first, and where their files are.
SELECT id, kind, period_start, location FROM reports WHERE period_end < :before ORDER BY period_end LIMIT :limit
