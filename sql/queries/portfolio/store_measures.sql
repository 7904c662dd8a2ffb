-- Measures of a day; worked out again, they take the place of those that are there.
INSERT INTO risk_measures (portfolio_id, day, measure, value, money, note)
SELECT r.portfolio_id, :day, r.measure, r.value, r.money, r.note
FROM jsonb_to_recordset(CAST(:measures AS jsonb)) AS r (
  portfolio_id text, measure text, value double precision, money numeric, note text
)
ON CONFLICT (portfolio_id, day, measure) DO UPDATE
SET value = excluded.value, money = excluded.money, note = excluded.note, stored_at = now()
