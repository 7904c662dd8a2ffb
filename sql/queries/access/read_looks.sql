-- What was said of the price in the window that ends at :at, in order, and at the look before it.
SELECT taken_at, source, price, refused
FROM token_prices
WHERE taken_at <= :at
  AND taken_at >= coalesce(
    (SELECT max(taken_at) FROM token_prices WHERE taken_at <= CAST(:at AS timestamptz) - CAST(:window AS interval)),
    '-infinity'
  )
ORDER BY taken_at, source
