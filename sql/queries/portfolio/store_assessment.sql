-- That a day was worked out, or was not and why.
INSERT INTO risk_assessments (day, outcome, reason, portfolios, forecasts, insufficient, outcomes, took)
VALUES (
  :day, CASE WHEN CAST(:reason AS text) IS NULL THEN 'complete' ELSE 'failed' END, :reason, :portfolios, :forecasts,
  :insufficient, :outcomes, CAST(:took AS interval)
)
