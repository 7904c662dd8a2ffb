-- Ends the freeze that holds, if one does. One that a clock ahead has put into the future never begins.
UPDATE freezes
SET ended_at = greatest(begins_at, now()), ended_by = :by
WHERE coalesce(ended_at, ends_at) > now() AND ended_at IS NULL
RETURNING *
