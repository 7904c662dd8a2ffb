-- Is there anything for a sweep besides due trades: analyses to write, statistics to refresh?
SELECT
  EXISTS (SELECT 1 FROM performance_refreshes) AS stale_statistics,
  EXISTS (SELECT 1 FROM missing_analyses WHERE state = 'due') AS missing_analyses
