-- Write down how the last check of a backup ended.
UPDATE backups SET verified = :depth, verified_at = :checked_at, reason = nullif(:reason, '')
WHERE id = :id AND status = 'complete'
