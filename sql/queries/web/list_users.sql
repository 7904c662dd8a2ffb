-- Users of the platform that a form offers: those who have statistics.
SELECT user_id FROM atge_performance_cache GROUP BY user_id ORDER BY user_id LIMIT :limit
