-- What people and programs said of a trade, the newest first.
SELECT timestamp, feedback_type, rating, comment, user_id, metadata ->> 'person' AS person
FROM atge_user_feedback
WHERE trade_signal_id = :trade
ORDER BY timestamp DESC, id
LIMIT :limit
