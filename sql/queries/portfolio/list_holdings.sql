-- What a portfolio held at its newest snapshot, the largest first, in its currency.
SELECT instrument, coalesce(nullif(name, ''), instrument) AS name, kind, currency, rate, quantity, price, value, multiplier, value * rate AS worth,
  quantity * price * multiplier * rate AS exposure
FROM portfolio_positions
WHERE portfolio_id = :portfolio
  AND taken_at = (
    SELECT max(taken_at) FROM portfolio_syncs WHERE portfolio_id = :portfolio AND outcome = 'complete'
  )
ORDER BY abs(quantity * price * multiplier * rate) DESC, instrument
LIMIT :rows
