-- Counts the runs of DAGs that ended and were not counted yet; when the sweep last succeeded is noted on the way. Runs
-- that ended long before the newest are forgotten: nobody will hand them in again, see find_counted.
WITH ended AS (
  INSERT INTO counted_runs (dag_id, run_id, ended_at)
  SELECT dag_id, run_id, ended_at
  FROM jsonb_to_recordset(CAST(:runs AS jsonb)) AS run (dag_id text, run_id text, ended_at timestamptz)
  ON CONFLICT DO NOTHING
  RETURNING dag_id, run_id, ended_at
), states AS (
  SELECT dag_id, state, ended_at
  FROM ended
  JOIN jsonb_to_recordset(CAST(:runs AS jsonb)) AS run (
    dag_id text, run_id text, ended_at timestamptz, state text
  ) USING (dag_id, run_id, ended_at)
), forgotten AS (
  DELETE FROM counted_runs
  WHERE ended_at < (SELECT max(ended_at) FROM counted_runs WHERE ended_at <= now()) - interval '1 day'
)
INSERT INTO metric_changes (metric, labels, value, latest)
SELECT 'tradeops_dag_runs_total', jsonb_build_object('dag', dag_id, 'state', state), count(*), false
FROM states
GROUP BY dag_id, state
UNION ALL
SELECT
  'tradeops_sweep_last_success_timestamp_seconds', jsonb_build_object(),
  extract(epoch FROM least(max(ended_at), now())), true
FROM states
WHERE dag_id = 'settle_trades' AND state = 'success'
HAVING count(*) > 0
