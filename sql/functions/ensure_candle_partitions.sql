-- Makes the monthly partitions (UTC) of market_candles that hold the times from first_time to last_time, both
-- included; answers how many were missing. Call it in a short transaction of its own before storing candles.
--
-- A partition is made on its own and then attached: that takes SHARE UPDATE EXCLUSIVE on market_candles, which
-- lets readers and writers go on. CREATE TABLE ... PARTITION OF would lock them out.
CREATE OR REPLACE FUNCTION ensure_candle_partitions(first_time timestamptz, last_time timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  earliest CONSTANT timestamptz := '2009-01-01 00:00+00';  -- the first Bitcoin block
  latest   CONSTANT timestamptz := now() + interval '1 year';
  schema     text;
  name       text;
  month      timestamptz;
  next_month timestamptz;
  made       integer := 0;
BEGIN
  IF first_time IS NULL OR last_time IS NULL OR first_time > last_time THEN
    RAISE EXCEPTION 'ensure_candle_partitions: no range of time from % to %', first_time, last_time
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- One garbage timestamp must not make a thousand partitions.
  IF first_time < earliest OR last_time > latest THEN
    RAISE EXCEPTION 'Candles from % to % are not plausible: expected from % to %. Is a timestamp in '
      'milliseconds read as seconds?', first_time, last_time, earliest, latest
      USING ERRCODE = 'datetime_field_overflow';
  END IF;

  SELECT relnamespace::regnamespace::text INTO schema FROM pg_class WHERE oid = 'market_candles'::regclass;
  month := date_trunc('month', first_time, 'UTC');
  WHILE month <= last_time LOOP
    name := format('%s.%I', schema, 'market_candles_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM'));
    next_month := (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    IF pg_partition_root(to_regclass(name)) IS DISTINCT FROM 'market_candles'::regclass THEN
      -- The lock that ATTACH takes anyway. The second of two callers waits here for the first one's commit and
      -- then sees its partition; after an advisory lock it would not, for its catalogue cache would be stale.
      LOCK TABLE ONLY market_candles IN SHARE UPDATE EXCLUSIVE MODE;
      IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %s (LIKE market_candles INCLUDING ALL)', name);
        EXECUTE format(
          'ALTER TABLE market_candles ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', name, month, next_month
        );
        made := made + 1;
      ELSIF pg_partition_root(to_regclass(name)) IS DISTINCT FROM 'market_candles'::regclass THEN
        RAISE EXCEPTION 'The table % is no partition of market_candles: it was detached, or never attached. '
          'Attach it, rename it or drop it.', name USING ERRCODE = 'duplicate_table';
      END IF;
    END IF;
    month := next_month;
  END LOOP;
  RETURN made;
END;
$$;

COMMENT ON FUNCTION ensure_candle_partitions IS
  'Makes the missing monthly partitions of market_candles for this range of time; answers how many';
