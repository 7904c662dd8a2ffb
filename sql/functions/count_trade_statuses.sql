-- Keeps trade_statuses: by how many trades a statement changes each status, in the same transaction. It runs with its
-- owner's rights, since whoever may write a trade may not write the counts; search_path as in note_changed_signals.
CREATE OR REPLACE FUNCTION count_trade_statuses() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO trade_statuses (status, trades) SELECT status, count(*) FROM changed GROUP BY status;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO trade_statuses (status, trades) SELECT status, -count(*) FROM former GROUP BY status;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO trade_statuses (status, trades)
    SELECT status, sum(trades)
    FROM (
      SELECT status, -count(*) AS trades FROM former GROUP BY status
      UNION ALL
      SELECT status, count(*) FROM changed GROUP BY status
    ) AS moved
    GROUP BY status
    HAVING sum(trades) <> 0;
  ELSE
    TRUNCATE trade_statuses;  -- no DELETE, which does not see what someone who adds rows up is about to write
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION count_trade_statuses IS 'Trigger function that keeps trade_statuses';

CREATE OR REPLACE TRIGGER count_statuses_inserted AFTER INSERT ON trade_signals
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_trade_statuses();
CREATE OR REPLACE TRIGGER count_statuses_updated AFTER UPDATE ON trade_signals
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_trade_statuses();
CREATE OR REPLACE TRIGGER count_statuses_deleted AFTER DELETE ON trade_signals
  REFERENCING OLD TABLE AS former
  FOR EACH STATEMENT EXECUTE FUNCTION count_trade_statuses();
CREATE OR REPLACE TRIGGER count_statuses_truncated AFTER TRUNCATE ON trade_signals
  FOR EACH STATEMENT EXECUTE FUNCTION count_trade_statuses();
