-- Writes down in trade_changes who changed which trades from what to what, in the transaction that changes them. One
-- row holds the trades that a statement changed alike, by shelf: so a sweep that settles 50,000 trades leaves about a
-- thousand rows, and an UPDATE by hand what it overwrote. It runs with its owner's rights: whoever may write a trade
-- may not write the trail; pg_temp comes last, and EXECUTE plans for the rows at hand, as in note_changed_signals.
-- Its argument is the column that names the trade.
CREATE OR REPLACE FUNCTION note_trade_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  key     text := format('%I', TG_ARGV[0]);
  source  text := CASE TG_OP
    WHEN 'DELETE' THEN 'former' WHEN 'TRUNCATE' THEN format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) ELSE 'changed'
  END;
  settles CONSTANT text[] := ARRAY['status', 'status_reason', 'completed_at'];  -- what a sweep changes in trade_signals
  brief   boolean := TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'trade_signals';
  target  text;
  differs text;
  touched bigint;
  settled bigint := 0;
  compared text;
  before  text;
  after   text;
  different text;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', source) INTO touched;
  IF touched = 0 THEN
    RETURN NULL;
  END IF;
  SELECT format(
    'INSERT INTO trade_changes
       (table_name, operation, actor_kind, actor, run_id, asked_by, role, application, shelf, trade_ids, before, after)
     SELECT %L, %L, %L, %L, %L, %L, session_user, current_setting(''application_name''), ',
    TG_TABLE_NAME, TG_OP, who.kind, who.name, who.run_id, who.asked_by)
  INTO target
  FROM trade_actor() AS who;

  IF TG_OP IN ('INSERT', 'TRUNCATE') THEN
    EXECUTE format('%1$s trade_shelf(%2$s), array_agg(%2$s), NULL, NULL FROM %3$s GROUP BY trade_shelf(%2$s)',
      target, key, source);
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    EXECUTE format('%1$s trade_shelf(%2$s), ARRAY[%2$s], values.before, NULL '
      'FROM former CROSS JOIN LATERAL changed_values(to_jsonb(former), NULL) AS values', target, key);
    RETURN NULL;
  END IF;

  SELECT format('(%s) IS DISTINCT FROM (%s)',
    string_agg(format('former.%I', attname), ', '), string_agg(format('changed.%I', attname), ', '))
  INTO differs
  FROM pg_attribute
  WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND attname <> 'updated_at'
    AND NOT (brief AND attname = ANY (settles));

  IF brief THEN  -- compared as values, and told of a group at once: a tenth of what JSON of each row costs
    SELECT
      string_agg(format('former.%1$I AS %2$I, changed.%1$I AS %3$I', name, name || '_0', name || '_1'), ', '),
      string_agg(format('CASE WHEN %1$I IS DISTINCT FROM %2$I THEN jsonb_build_object(%3$L, short_value(to_jsonb(%1$I),
        20000)) ELSE ''{}'' END', name || '_0', name || '_1', name), ' || '),
      string_agg(format('CASE WHEN %1$I IS DISTINCT FROM %2$I THEN jsonb_build_object(%3$L, short_value(to_jsonb(%2$I),
        300)) ELSE ''{}'' END', name || '_0', name || '_1', name), ' || '),
      string_agg(format('%I IS DISTINCT FROM %I', name || '_0', name || '_1'), ' OR ')
    INTO compared, before, after, different
    FROM unnest(settles) AS name;
    -- What differs is put into JSON once for all that changed alike, and then shelved: there are 256 shelves.
    EXECUTE format(
      'WITH alike AS MATERIALIZED (
         SELECT %1$s, array_agg(changed.id) AS trades
         FROM former JOIN changed ON changed.id = former.id
         WHERE NOT (%2$s)
         GROUP BY 1, 2, 3, 4, 5, 6
       ), told AS MATERIALIZED (
         SELECT row_number() OVER () AS change, trades, %4$s AS before, %5$s AS after FROM alike WHERE %6$s
       ), shelved AS (
         SELECT change, trade_shelf(trade) AS shelf, array_agg(trade) AS trades
         FROM told CROSS JOIN LATERAL unnest(trades) AS trade
         GROUP BY 1, 2
       ), noted AS (
         %3$s shelf, shelved.trades, before, after FROM shelved JOIN told USING (change)
       )
       SELECT coalesce(sum(cardinality(trades)), 0) FROM alike',
      compared, differs, target, before, after, different)
    INTO settled;
  END IF;
  IF settled < touched THEN
    EXECUTE target || format(
      ' trade_shelf(trade), array_agg(DISTINCT trade), values.before, values.after
      FROM (
        SELECT former.%1$s AS trade_0, changed.%1$s AS trade_1,
          to_jsonb(former) - ''updated_at'' AS row_0, to_jsonb(changed) - ''updated_at'' AS row_1
        FROM former FULL JOIN changed ON changed.id = former.id
        WHERE %2$s
        OFFSET 0
      ) AS pairs
      CROSS JOIN LATERAL changed_values(row_0, row_1) AS values
      CROSS JOIN LATERAL (VALUES (trade_0), (trade_1)) AS of (trade)  -- a result that was given to another trade
      WHERE trade IS NOT NULL
      GROUP BY trade_shelf(trade), values.before, values.after',
      key, differs);
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_trade_changes IS 'Trigger function that writes down who changed which trades from what to what';

DO $$
DECLARE
  audited record;
BEGIN
  FOR audited IN
    VALUES ('trade_signals', 'id'), ('trade_results', 'trade_signal_id'),
      ('trade_technical_indicators', 'trade_signal_id'), ('trade_market_snapshot', 'trade_signal_id'),
      ('trade_result_history', 'trade_signal_id')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_changes(%L)', audited.column1, audited.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS former '
      'NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_trade_changes(%L)', audited.column1, audited.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS former '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_changes(%L)', audited.column1, audited.column2);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_truncated BEFORE TRUNCATE ON %I '
      'FOR EACH STATEMENT EXECUTE FUNCTION note_trade_changes(%L)', audited.column1, audited.column2);
  END LOOP;
END
$$;
