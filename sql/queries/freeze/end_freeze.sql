-- Ends the freeze that holds, if one does. One that a clock ahead has put into the future never begins.
UPDATE freezes
SET ended_at = greatest(begins_at, now()), ended_by = :by
WHERE ended_at IS NULL AND ends_at > now()
RETURNING *
