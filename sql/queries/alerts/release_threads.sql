-- Gives threads back that a pass has claimed and had no time for: the next one takes them.
UPDATE alert_threads SET claimed_until = NULL WHERE id = ANY (:threads)
