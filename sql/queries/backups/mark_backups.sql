-- Give backups another status, with the reason, where they still have the one that was seen.
UPDATE backups SET status = :status, reason = :reason
WHERE id = ANY (:ids) AND status = ANY (:was)
RETURNING id
