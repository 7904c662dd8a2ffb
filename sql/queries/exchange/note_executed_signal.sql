-- A signal of which an order was handed over.
UPDATE signals
SET status = 'executed'
WHERE id = :id AND status = 'accepted'
