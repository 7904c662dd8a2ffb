-- Notes the users and days whose statistics a change of trade_results makes stale, in the same transaction.
-- An analysis that arrives changes its day's KPIs, and nothing of its user. Of a trade that was deleted with its
-- result, note_changed_signals takes notice. Rights, search_path, EXECUTE and EXCEPT as there.
CREATE OR REPLACE FUNCTION note_changed_results() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    EXECUTE $statement$
      WITH before AS (
        SELECT trade_signal_id, net_profit_loss, profit_loss_percentage, exit_at, fees_paid, slippage_cost,
          data_quality_score, exit_reason, ai_analysis IS NULL AS unexplained
        FROM former
      ), after AS (
        SELECT trade_signal_id, net_profit_loss, profit_loss_percentage, exit_at, fees_paid, slippage_cost,
          data_quality_score, exit_reason, ai_analysis IS NULL AS unexplained
        FROM changed
      ), differing AS (
        (SELECT * FROM before EXCEPT SELECT * FROM after)
        UNION ALL
        (SELECT * FROM after EXCEPT SELECT * FROM before)
      ), results AS (  -- a row as it was and as it is; a result that went to another trade is one row of each
        SELECT
          trade_signal_id,
          count(*) = 1 OR count(DISTINCT (net_profit_loss, profit_loss_percentage, exit_at)) > 1 AS of_user
        FROM differing
        GROUP BY trade_signal_id
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
      SELECT DISTINCT user_id FROM trades WHERE of_user AND status IN ('completed_success', 'completed_failure')
    $statement$;
  ELSE
    EXECUTE $statement$
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
      SELECT DISTINCT user_id FROM trades WHERE status IN ('completed_success', 'completed_failure')
    $statement$;
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
