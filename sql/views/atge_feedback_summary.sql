-- The feedback of the last 7 days by type. Ratings 4 and 5 are positive, 1 and 2 negative.
CREATE OR REPLACE VIEW atge_feedback_summary WITH (security_invoker = true) AS
SELECT
  feedback_type,
  count(*) AS count,
  avg(rating) AS average_rating,
  count(*) FILTER (WHERE rating >= 4) AS positive,
  count(*) FILTER (WHERE rating <= 2) AS negative,
  max(timestamp) AS newest
FROM atge_user_feedback
WHERE timestamp > now() - interval '7 days'
GROUP BY feedback_type
ORDER BY feedback_type;

COMMENT ON VIEW atge_feedback_summary IS 'Feedback of the last 7 days by type';
