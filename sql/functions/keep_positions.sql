-- Keeps position_days in step with fills, in the transaction that writes them: once a statement and symbol, from the
-- oldest fill on that it touches. Fills come mostly in the order of their time: then only the new ones are read.
CREATE OR REPLACE FUNCTION keep_positions()
RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  touched record;
BEGIN
  CASE TG_OP
    WHEN 'TRUNCATE' THEN
      DELETE FROM position_days;
    WHEN 'UPDATE' THEN
      FOR touched IN
        SELECT exchange, symbol, min(executed_at) AS since
        FROM (SELECT * FROM former UNION ALL SELECT * FROM changed) AS both_sides
        GROUP BY exchange, symbol
        ORDER BY exchange, symbol
      LOOP
        PERFORM refresh_position(touched.exchange, touched.symbol, touched.since);
      END LOOP;
    ELSE
      FOR touched IN
        SELECT exchange, symbol, min(executed_at) AS since
        FROM changed
        GROUP BY exchange, symbol
        ORDER BY exchange, symbol
      LOOP
        PERFORM refresh_position(touched.exchange, touched.symbol, touched.since);
      END LOOP;
  END CASE;
  RETURN NULL;
END;
$$;

CREATE OR REPLACE TRIGGER keep_positions_inserted AFTER INSERT ON fills
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_positions();
CREATE OR REPLACE TRIGGER keep_positions_updated AFTER UPDATE ON fills
  REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_positions();
CREATE OR REPLACE TRIGGER keep_positions_deleted AFTER DELETE ON fills
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_positions();
CREATE OR REPLACE TRIGGER keep_positions_emptied AFTER TRUNCATE ON fills
  FOR EACH STATEMENT EXECUTE FUNCTION keep_positions();

COMMENT ON FUNCTION keep_positions IS 'Keeps position_days in step with fills';
