-- Writes what a replay found for the trades in replayed_rows; in a dry run, only the notes for its report.
--
-- After replay_lock, in one transaction a batch: the former result goes into the history, the new one takes its
-- place, the analysis of the old one is set aside, and each trade is noted as done. A trade whose rows changed
-- since they were read is left to do. Run twice, the second run finds nothing to do. completed_at stays: it says
-- when the trade was first settled, and the order of a user's trades does not change. The work list's rows, which
-- are locked, are found again by their place: the planner knows too little of a new list to find them well.
-- Triggers note whose statistics are stale. For the marks in braces see include/trades/results.py.
WITH compared AS MATERIALIZED (
  SELECT
    signal.id,
    found,
    item.ctid AS place,
    signal.user_id, signal.status, signal.status_reason, signal.completed_at,
    result.net_profit_loss,
    CASE WHEN result.id IS NOT NULL THEN to_jsonb(result) END AS result,
    found.judged AND (
      signal.status, signal.status_reason, {older: result.@},
      {younger: coalesce(result.@, found.@)}  -- what nobody had looked for when it was settled changes nothing
    ) IS DISTINCT FROM (
      found.status, found.status_reason, {older: found.@}, {younger: found.@}
    ) AS changed,
    :redo_analysis AND result.ai_analysis IS NOT NULL AS aside,
    :redo_analysis AND result.ai_analysis IS NULL AND EXISTS (
      SELECT FROM analysis_claims AS claim
      WHERE claim.trade_signal_id = found.trade_signal_id AND claim.given_up_at IS NOT NULL
    ) AS tried_again
  FROM replayed_rows AS found
  JOIN replay_trades AS item
    ON item.replay_id = :replay_id AND item.batch = :batch AND item.trade_signal_id = found.trade_signal_id
  JOIN trade_signals AS signal ON signal.id = found.trade_signal_id
  LEFT JOIN trade_results AS result ON result.trade_signal_id = found.trade_signal_id
  WHERE item.outcome IS NULL
    AND signal.updated_at = found.signal_version
    AND result.updated_at IS NOT DISTINCT FROM found.result_version
), history AS (
  INSERT INTO trade_result_history (
    trade_signal_id, replay_id, replaced_by, reason, run_url,
    status, status_reason, completed_at, net_profit_loss, result
  )
  SELECT
    compared.id, replay.id, replay.requested_by, replay.reason, replay.run_url,
    compared.status, compared.status_reason, compared.completed_at, compared.net_profit_loss, compared.result
  FROM compared
  CROSS JOIN (SELECT * FROM replays WHERE id = :replay_id) AS replay
  WHERE (changed OR aside) AND NOT replay.dry_run
), written AS (
  INSERT INTO trade_results AS former (trade_signal_id, {columns: @})
  SELECT id, {columns: (found).@}
  FROM compared
  WHERE changed AND NOT :dry_run
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    ({columns: @}, ai_analysis, ai_analysis_detail, ai_analysis_generated_at)
    = ({columns: excluded.@}, NULL, NULL, NULL)
), set_aside AS (
  UPDATE trade_results AS result
  SET ai_analysis = NULL, ai_analysis_detail = NULL, ai_analysis_generated_at = NULL
  FROM compared
  WHERE aside AND NOT changed AND NOT :dry_run AND result.trade_signal_id = compared.id
), tries AS (  -- what was tried for the old result, or given up, counts no more
  DELETE FROM analysis_claims AS claim
  USING compared
  WHERE (changed OR aside OR tried_again) AND NOT :dry_run AND claim.trade_signal_id = compared.id
), signals AS (
  UPDATE trade_signals AS signal
  SET status = (compared.found).status, status_reason = (compared.found).status_reason
  FROM compared
  WHERE changed AND NOT :dry_run AND signal.id = compared.id
    AND (signal.status, signal.status_reason)
      IS DISTINCT FROM ((compared.found).status, (compared.found).status_reason)
)
UPDATE replay_trades AS item
SET
  outcome = CASE WHEN changed THEN 'changed' WHEN (found).poor THEN 'poor_data' ELSE 'unchanged' END,
  reason = (found).reason,
  analysis_redone = aside OR tried_again OR (changed AND compared.result ->> 'ai_analysis' IS NOT NULL),
  from_status = compared.status,
  to_status = CASE WHEN changed THEN (found).status ELSE compared.status END,
  net_before = compared.net_profit_loss,
  net_after = CASE WHEN changed THEN (found).net_profit_loss ELSE compared.net_profit_loss END
FROM compared
WHERE item.ctid = compared.place
