-- Takes a report away, with what was noted of its sending.
DELETE FROM reports WHERE id = :id
