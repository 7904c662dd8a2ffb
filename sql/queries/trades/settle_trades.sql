-- Settles the trades in settled_rows that this claim still holds: result and status, all or nothing; triggers note
-- whose statistics are stale now. Run twice, the second run finds no active trade and changes nothing. For the marks
-- in braces see include/trades/results.py.
WITH mine AS MATERIALIZED (
  SELECT signal.id
  FROM trade_signals AS signal
  JOIN settlement_claims AS claim ON claim.trade_signal_id = signal.id
  JOIN settled_rows AS settled ON settled.trade_signal_id = signal.id
  WHERE claim.claim_id = :claim_id AND signal.status = 'active'
  ORDER BY signal.id
  FOR UPDATE OF signal, claim
), results AS (
  INSERT INTO trade_results AS former (trade_signal_id, {columns: @})
  SELECT trade_signal_id, {columns: settled.@}
  FROM settled_rows AS settled
  JOIN mine ON mine.id = settled.trade_signal_id
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    -- a trade that was set back to active by hand is settled anew, and its old analysis goes
    ({columns: @}, ai_analysis, ai_analysis_detail, ai_analysis_generated_at)
    = ({columns: excluded.@}, NULL, NULL, NULL)
), signals AS (
  UPDATE trade_signals AS signal
  SET status = settled.status, status_reason = settled.status_reason, completed_at = now()
  FROM settled_rows AS settled
  JOIN mine ON mine.id = settled.trade_signal_id
  WHERE signal.id = mine.id
  RETURNING signal.status
), released AS (
  DELETE FROM settlement_claims WHERE trade_signal_id IN (SELECT id FROM mine)
)
SELECT status, count(*) AS trades FROM signals GROUP BY status ORDER BY status
