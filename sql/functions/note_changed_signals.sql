-- Notes the users and days whose statistics a change of trade_signals makes stale, in the same transaction.
-- It runs with its owner's rights, since whoever may write a trade may not write the notes; pg_temp comes last,
-- so that nobody's temporary table is taken for one of ours.
CREATE OR REPLACE FUNCTION note_changed_signals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    WITH pairs AS (
      SELECT former, changed
      FROM former
      JOIN changed USING (id)
      WHERE (former.user_id, former.symbol, former.timeframe, former.direction, former.ai_model, former.status,
             former.completed_at, former.expires_at)
        IS DISTINCT FROM
            (changed.user_id, changed.symbol, changed.timeframe, changed.direction, changed.ai_model, changed.status,
             changed.completed_at, changed.expires_at)
    ), trades AS (
      SELECT (pairs.former).user_id, (pairs.former).status, (pairs.former).completed_at, (pairs.former).expires_at
      FROM pairs
      UNION ALL
      SELECT (pairs.changed).user_id, (pairs.changed).status, (pairs.changed).completed_at, (pairs.changed).expires_at
      FROM pairs
    ), days AS (
      INSERT INTO daily_stats_due (day)
      SELECT DISTINCT trade_day(completed_at, expires_at)
      FROM trades
      WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    )
    INSERT INTO performance_refreshes (user_id)
    SELECT DISTINCT user_id FROM trades WHERE status IN ('completed_success', 'completed_failure');
  ELSE
    WITH days AS (
      INSERT INTO daily_stats_due (day)
      SELECT DISTINCT trade_day(completed_at, expires_at)
      FROM changed
      WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
    )
    INSERT INTO performance_refreshes (user_id)
    SELECT DISTINCT user_id FROM changed WHERE status IN ('completed_success', 'completed_failure');
  END IF;
  RETURN NULL;
END;
$$;

DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION note_changed_signals SET search_path = %I, pg_temp', current_schema());
END
$$;

COMMENT ON FUNCTION note_changed_signals IS
  'Trigger function that notes which users and days a change of trade_signals makes stale';

CREATE OR REPLACE TRIGGER note_inserted AFTER INSERT ON trade_signals
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_signals();
CREATE OR REPLACE TRIGGER note_updated AFTER UPDATE ON trade_signals
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_signals();
CREATE OR REPLACE TRIGGER note_deleted AFTER DELETE ON trade_signals
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_signals();
