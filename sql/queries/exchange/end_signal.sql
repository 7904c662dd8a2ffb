-- An accepted signal of which no order will be made, and why.
UPDATE signals
SET status = CAST(:status AS text), reason = :reason
WHERE id = :id AND status = 'accepted'
