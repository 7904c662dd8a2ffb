-- Ends a silence now; one that has not begun yet never will.
UPDATE alert_silences
SET starts_at = least(starts_at, now() - interval '1 microsecond'), ends_at = now(), ended_by = :by
WHERE id = :id AND ends_at > now()
RETURNING *
