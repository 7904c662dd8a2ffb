-- Days that IBKR reports and that are over; one that is stored stays as it is. The profit follows from the value before.
INSERT INTO portfolio_values (portfolio_id, day, currency, value, profit, daily_return, reason, basis)
SELECT
  :portfolio_id, day, :currency, value,
  round(CAST(daily_return AS numeric) * lag(value) OVER (ORDER BY day), 2),
  daily_return,
  CASE WHEN daily_return IS NULL THEN 'the first day that is known' END,
  'performance'
FROM jsonb_to_recordset(CAST(:days AS jsonb)) AS r (day date, value numeric, daily_return double precision)
WHERE day < CAST(now() AT TIME ZONE 'UTC' AS date)
ON CONFLICT (portfolio_id, day) DO NOTHING
