-- One look at the money.
INSERT INTO exchange_balances (exchange, currency, total, free, used)
SELECT :exchange, r.currency, r.total, r.free, r.used
FROM jsonb_to_recordset(CAST(:balances AS jsonb)) AS r (currency text, total numeric, free numeric, used numeric)
