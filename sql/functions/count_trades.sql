-- Keeps trade_counts: a row for each user of whom a statement adds or takes away trades, in the same transaction. It
-- runs with its owner's rights, since whoever may write a trade may not write the counts; search_path as in
-- note_changed_signals. That a trade changes hands is rare, and told row by row: the trigger asks for the column.
CREATE OR REPLACE FUNCTION count_trades() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO trade_counts (user_id, trades) SELECT user_id, count(*) FROM changed GROUP BY user_id;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO trade_counts (user_id, trades) SELECT user_id, -count(*) FROM changed GROUP BY user_id;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO trade_counts (user_id, trades) VALUES (OLD.user_id, -1), (NEW.user_id, 1);
  ELSE
    TRUNCATE trade_counts;  -- no DELETE, which does not see what someone who adds rows up is about to write
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION count_trades IS 'Trigger function that keeps trade_counts';

CREATE OR REPLACE TRIGGER count_trades_inserted AFTER INSERT ON trade_signals
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_trades();
CREATE OR REPLACE TRIGGER count_trades_deleted AFTER DELETE ON trade_signals
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_trades();
CREATE OR REPLACE TRIGGER count_trades_moved AFTER UPDATE OF user_id ON trade_signals
  FOR EACH ROW WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id) EXECUTE FUNCTION count_trades();
CREATE OR REPLACE TRIGGER count_trades_truncated AFTER TRUNCATE ON trade_signals
  FOR EACH STATEMENT EXECUTE FUNCTION count_trades();
