-- Ratings since a moment, and how many of them are 4 or 5. There is an index by time.
SELECT count(rating) AS ratings, count(*) FILTER (WHERE rating >= 4) AS positive
FROM atge_user_feedback
WHERE timestamp >= CAST(:since AS timestamptz)
