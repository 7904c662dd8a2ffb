-- Verdicts of a day; worked out again, they take the place of those that are there.
INSERT INTO risk_validations (
  portfolio_id, day, method, confidence, test, observations, exceptions, statistic, p_value, verdict, missing
)
SELECT r.portfolio_id, :day, r.method, r.confidence, r.test, r.observations, r.exceptions, r.statistic, r.p_value,
  r.verdict, r.missing
FROM jsonb_to_recordset(CAST(:validations AS jsonb)) AS r (
  portfolio_id text, method text, confidence numeric, test text, observations integer, exceptions integer,
  statistic double precision, p_value double precision, verdict text, missing integer
)
ON CONFLICT (portfolio_id, day, method, confidence, test) DO UPDATE
SET observations = excluded.observations, exceptions = excluded.exceptions, statistic = excluded.statistic,
  p_value = excluded.p_value, verdict = excluded.verdict, missing = excluded.missing, stored_at = now()
