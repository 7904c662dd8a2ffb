-- Settles the trades in settled_rows that this claim still holds: status, end of the claim and result, all or nothing,
-- each row touched once; triggers note whose statistics are stale now. Run twice, the second run finds no active trade
-- and changes nothing. The claim is looked at again under its row's lock: what another sweep has taken in the meantime
-- is `lost`, and then the whole is to be rolled back. A trade's row is locked before its claim, as everywhere.
-- For the marks in braces see include/trades/results.py.
WITH signals AS (
  UPDATE trade_signals AS signal
  SET status = settled.status, status_reason = settled.status_reason, completed_at = now()
  FROM settled_rows AS settled
  JOIN settlement_claims AS claim USING (trade_signal_id)
  WHERE claim.claim_id = :claim_id AND signal.id = settled.trade_signal_id AND signal.status = 'active'
  RETURNING settled.*
), released AS (
  DELETE FROM settlement_claims AS claim
  USING signals
  WHERE claim.trade_signal_id = signals.trade_signal_id
  RETURNING claim.claim_id
), results AS (
  INSERT INTO trade_results AS former (trade_signal_id, {columns: @})
  SELECT trade_signal_id, {columns: @}
  FROM signals
  ON CONFLICT (trade_signal_id) DO UPDATE SET
    -- a trade that was set back to active by hand is settled anew, and its old analysis goes
    ({columns: @}, ai_analysis, ai_analysis_detail, ai_analysis_generated_at)
    = ({columns: excluded.@}, NULL, NULL, NULL)
)
SELECT
  status,
  count(*) AS trades,
  (SELECT count(*) FROM signals) - (SELECT count(*) FROM released WHERE claim_id = :claim_id) AS lost
FROM signals
GROUP BY status
ORDER BY status
