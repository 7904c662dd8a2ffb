-- Notes the users and days whose statistics a change of trade_results makes stale, in the same transaction.
-- An analysis that arrives changes its day's KPIs, and nothing of its user. Of a trade that was deleted with its
-- result, note_changed_signals takes notice. Rights and search_path as there.
CREATE OR REPLACE FUNCTION note_changed_results() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    WITH results AS (
      SELECT
        former.trade_signal_id,
        (former.net_profit_loss, former.profit_loss_percentage, former.exit_at)
          IS DISTINCT FROM (changed.net_profit_loss, changed.profit_loss_percentage, changed.exit_at) AS of_user
      FROM former
      JOIN changed USING (id)
      WHERE (former.net_profit_loss, former.profit_loss_percentage, former.exit_at, former.fees_paid,
             former.slippage_cost, former.data_quality_score, former.exit_reason, former.ai_analysis IS NULL)
        IS DISTINCT FROM
            (changed.net_profit_loss, changed.profit_loss_percentage, changed.exit_at, changed.fees_paid,
             changed.slippage_cost, changed.data_quality_score, changed.exit_reason, changed.ai_analysis IS NULL)
    ), trades AS (
      SELECT signal.user_id, signal.status, signal.completed_at, signal.expires_at, results.of_user
      FROM results
      JOIN trade_signals AS signal ON signal.id = results.trade_signal_id
    ), days AS (
      INSERT INTO daily_stats_due (day)
      SELECT DISTINCT trade_day(completed_at, expires_at)
      FROM trades
      WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    )
    INSERT INTO performance_refreshes (user_id)
    SELECT DISTINCT user_id FROM trades WHERE of_user AND status IN ('completed_success', 'completed_failure');
  ELSE
    WITH trades AS (
      SELECT signal.user_id, signal.status, signal.completed_at, signal.expires_at
      FROM changed
      JOIN trade_signals AS signal ON signal.id = changed.trade_signal_id
    ), days AS (
      INSERT INTO daily_stats_due (day)
      SELECT DISTINCT trade_day(completed_at, expires_at)
      FROM trades
      WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    )
    INSERT INTO performance_refreshes (user_id)
    SELECT DISTINCT user_id FROM trades WHERE status IN ('completed_success', 'completed_failure');
  END IF;
  RETURN NULL;
END;
$$;

DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION note_changed_results SET search_path = %I, pg_temp', current_schema());
END
$$;

COMMENT ON FUNCTION note_changed_results IS
  'Trigger function that notes which users and days a change of trade_results makes stale';

CREATE OR REPLACE TRIGGER note_inserted AFTER INSERT ON trade_results
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
CREATE OR REPLACE TRIGGER note_updated AFTER UPDATE ON trade_results
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
CREATE OR REPLACE TRIGGER note_deleted AFTER DELETE ON trade_results
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_results();
