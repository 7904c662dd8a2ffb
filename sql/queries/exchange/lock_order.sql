-- An order, which nobody else changes before this transaction ends.
SELECT *
FROM orders
WHERE id = :id
FOR UPDATE
