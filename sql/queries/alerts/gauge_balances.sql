-- The dollars at the exchange that was looked at last, and for how long nobody has looked.
SELECT gauge, CAST(value AS double precision) AS value, newest.exchange AS label_1, newest.currency AS label_2,
  CAST(NULL AS text) AS label_3
FROM (
  SELECT exchange
  FROM exchange_balances
  WHERE taken_at <= CAST(:at AS timestamptz)
  ORDER BY id DESC
  LIMIT 1
) AS looked_at
CROSS JOIN unnest(ARRAY['USDT', 'VST']) AS known (currency)
CROSS JOIN LATERAL (
  SELECT exchange, currency, total, taken_at
  FROM exchange_balances AS balance
  WHERE balance.exchange = looked_at.exchange
    AND balance.currency = known.currency
    AND balance.taken_at <= CAST(:at AS timestamptz)
  ORDER BY balance.taken_at DESC
  LIMIT 1
) AS newest
CROSS JOIN LATERAL (
  VALUES ('total', newest.total), ('age_seconds', extract(epoch FROM CAST(:at AS timestamptz) - newest.taken_at))
) AS gauges (gauge, value)
