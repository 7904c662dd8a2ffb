-- All positions of one snapshot.
INSERT INTO portfolio_positions (
  portfolio_id, taken_at, source, instrument, name, kind, currency, rate, quantity, price, value, multiplier
)
SELECT
  :portfolio_id, CAST(:taken_at AS timestamptz), :source, r.instrument, r.name, r.kind, r.currency, r.rate, r.quantity,
  r.price, r.value, r.multiplier
FROM jsonb_to_recordset(CAST(:positions AS jsonb)) AS r (
  instrument text, name text, kind text, currency text, rate numeric, quantity numeric, price numeric, value numeric,
  multiplier numeric
)
