-- Forecasts as they were made; one that is there stays.
INSERT INTO risk_forecasts (
  portfolio_id, day, method, confidence, horizon, made_at, var, es, observations, missing, note
)
SELECT r.portfolio_id, :day, r.method, r.confidence, r.horizon, CAST(:made_at AS timestamptz), r.var, r.es,
  r.observations, r.missing, r.note
FROM jsonb_to_recordset(CAST(:forecasts AS jsonb)) AS r (
  portfolio_id text, method text, confidence numeric, horizon integer, var double precision, es double precision,
  observations integer, missing integer, note text
)
ON CONFLICT (portfolio_id, day, method, confidence, horizon) DO NOTHING
