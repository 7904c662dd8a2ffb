-- Where the gate's verdicts on trades that do not pass wait for gate_trades, within one transaction.
CREATE TEMP TABLE gate_verdicts (
  id uuid PRIMARY KEY,
  awaited boolean NOT NULL,  -- good enough, but the end of its window is not there yet
  resolution text,
  data_source text,
  data_quality_score numeric,
  reason text
) ON COMMIT DROP
