-- Notes in trade_versions whose trades a statement has changed, in the same transaction: a row a user, and one for who sees
-- all; of a statement that changes many rows one row for everybody, so that a sweep pays nothing for it. Of trades, their
-- results, indicators and snapshots, and of the kept statistics. Rights, search_path and EXECUTE as in
-- note_changed_signals. Its argument says how a row of the table names its user: `user_id`, or by its `trade_signal_id`.
CREATE OR REPLACE FUNCTION note_trade_versions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  many    CONSTANT integer := 100;
  touched integer := many + 1;
BEGIN
  IF TG_OP <> 'TRUNCATE' THEN
    SELECT count(*) INTO touched FROM (SELECT FROM changed LIMIT many + 1) AS first;
  END IF;
  IF touched = 0 THEN
    RETURN NULL;
  ELSIF touched > many THEN
    INSERT INTO trade_versions (user_id) VALUES ('00000000-0000-0000-0000-000000000000');
  ELSE
    EXECUTE format(
      CASE TG_ARGV[0]
        WHEN 'user_id' THEN 'INSERT INTO trade_versions (user_id) SELECT DISTINCT user_id FROM (%s) AS concerned'
        ELSE 'INSERT INTO trade_versions (user_id) SELECT DISTINCT user_id FROM trade_signals WHERE id IN (%s)'
      END,
      format(
        CASE TG_OP WHEN 'UPDATE' THEN 'SELECT %1$I FROM former UNION ALL SELECT %1$I FROM changed'
          ELSE 'SELECT %1$I FROM changed'
        END,
        TG_ARGV[0]));
  END IF;
  INSERT INTO trade_versions (user_id) VALUES (NULL);
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_trade_versions IS 'Trigger function that notes whose trades have changed';

DO $$
DECLARE
  shown record;
BEGIN
  FOR shown IN
    VALUES ('trade_signals', 'user_id'), ('trade_results', 'trade_signal_id'),
      ('trade_technical_indicators', 'trade_signal_id'), ('trade_market_snapshot', 'trade_signal_id'),
      ('atge_performance_cache', 'user_id')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER version_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_versions(%L)', shown.column1, shown.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER version_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS former '
      'NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_trade_versions(%L)', shown.column1, shown.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER version_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS changed '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_versions(%L)', shown.column1, shown.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER version_emptied AFTER TRUNCATE ON %I '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_versions(%L)', shown.column1, shown.column2);
  END LOOP;
END
$$;
