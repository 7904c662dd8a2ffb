UPDATE backups SET status = :status, reason = :reason
WHERE id = ANY (:ids) AND status = ANY (:was)
RETURNING id
