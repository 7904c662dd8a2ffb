-- Works a symbol's position_days out anew from a moment on: from the row before it, one pass over the fills since.
CREATE OR REPLACE FUNCTION refresh_position(of_exchange text, of_symbol text, since timestamptz)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  one      fills;
  held position_days;
  of_day   date;
BEGIN
  -- Two who add fills of one symbol take turns, and the second sees what the first has added.
  PERFORM pg_advisory_xact_lock(hashtextextended('position of ' || of_exchange || ' ' || of_symbol, 0));
  SELECT * INTO held
  FROM position_days AS day
  WHERE day.exchange = of_exchange AND day.symbol = of_symbol AND day.last_fill_at < since
  ORDER BY day.day DESC
  LIMIT 1;
  DELETE FROM position_days AS day  -- the row before too: its day may go on
  WHERE day.exchange = of_exchange AND day.symbol = of_symbol AND day.last_fill_at >= least(held.last_fill_at, since);
  held.exchange := of_exchange;
  held.symbol := of_symbol;
  held.newest := false;
  FOR one IN
    SELECT *
    FROM fills
    WHERE fills.exchange = of_exchange AND fills.symbol = of_symbol
      AND executed_at > coalesce(held.last_fill_at, '-infinity')
    ORDER BY executed_at, trade_id
  LOOP
    of_day := CAST(one.executed_at AT TIME ZONE 'UTC' AS date);
    IF held.day < of_day THEN
      INSERT INTO position_days SELECT held.*;
    END IF;
    held := add_fill(held, one);
    held.day := of_day;
  END LOOP;
  IF held.day IS NOT NULL THEN
    held.newest := true;
    INSERT INTO position_days SELECT held.*;
  END IF;
END;
$$;

COMMENT ON FUNCTION refresh_position IS 'Works the kept positions of a symbol out anew, from a moment on';
