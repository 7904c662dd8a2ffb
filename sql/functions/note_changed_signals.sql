-- Notes the users and days whose statistics a change of trade_signals makes stale, in the same transaction.
-- It runs with its owner's rights, since whoever may write a trade may not write the notes; pg_temp comes last,
-- so that nobody's temporary table is taken for one of ours.
--
-- EXECUTE plans for the rows at hand. A static statement keeps the plan of its first run, whatever follows in the
-- session, and a plan for one row joins ten thousand by a nested loop: a hundred million steps. EXCEPT finds what
-- differs without any join, and takes two nulls for the same.
--
-- A note says which trades of a user have changed, and when they ended before and end now; a statement that changes
-- more than a million rows notes whole users and days instead, so that no note grows without bounds.
CREATE OR REPLACE FUNCTION note_changed_signals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  too_many boolean := (SELECT count(*) > 1000000 FROM (SELECT FROM changed LIMIT 1000001) AS first);
  trades text := CASE TG_OP
    WHEN 'UPDATE' THEN $part$
      before AS (
        SELECT id, user_id, symbol, timeframe, direction, ai_model, status, completed_at, expires_at,
          entry_price, stop_loss, confidence_score
        FROM former
      ), after AS (
        SELECT id, user_id, symbol, timeframe, direction, ai_model, status, completed_at, expires_at,
          entry_price, stop_loss, confidence_score
        FROM changed
      ), trades AS (
        (SELECT * FROM before EXCEPT SELECT * FROM after)
        UNION ALL
        (SELECT * FROM after EXCEPT SELECT * FROM before)
      )
    $part$
    ELSE 'trades AS (SELECT id, user_id, status, completed_at, expires_at FROM changed)'
  END;
BEGIN
  EXECUTE format($statement$
    WITH %s, days AS (
      INSERT INTO daily_stats_due (day, user_ids)
      SELECT day, CASE WHEN NOT $1 THEN coalesce(array_agg(user_id) FILTER (WHERE counts AND NOT $1), '{}') END
      FROM (
        SELECT DISTINCT
          trade_day(completed_at, expires_at) AS day, user_id,
          status IN ('completed_success', 'completed_failure') AS counts
        FROM trades
        WHERE status IN ('completed_success', 'completed_failure', 'expired', 'incomplete_data')
      ) AS concerned
      GROUP BY day
    )
    INSERT INTO performance_refreshes (user_id, trade_ids, ended_at)
    SELECT
      user_id, array_agg(id) FILTER (WHERE NOT $1), array_agg(coalesce(completed_at, expires_at)) FILTER (WHERE NOT $1)
    FROM trades
    WHERE status IN ('completed_success', 'completed_failure')
    GROUP BY user_id
  $statement$, trades) USING too_many;
  RETURN NULL;
END;
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
