-- What the stored trades of each order add up to.
SELECT order_id, sum(quantity) AS quantity, sum(quantity * price) / sum(quantity) AS average_price
FROM fills
WHERE order_id = ANY(CAST(:ids AS uuid[]))
GROUP BY order_id
