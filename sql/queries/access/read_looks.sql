-- What was said of the price in the window that ends at :at, in order, and at the look before it. A row that was brought in
-- later than a look may be made counts as stored at its moment.
SELECT taken_at, source, price, refused,
  CASE
    WHEN max(created_at) OVER look <= taken_at + CAST(:latest AS interval)
      THEN greatest(taken_at, max(created_at) OVER look)
    ELSE taken_at
  END AS stored_at
FROM token_prices
WHERE taken_at <= :at
  AND taken_at >= coalesce(
    (SELECT max(taken_at) FROM token_prices WHERE taken_at <= CAST(:at AS timestamptz) - CAST(:window AS interval)),
    '-infinity'
  )
WINDOW look AS (PARTITION BY taken_at)
ORDER BY taken_at, source
