-- The finest resolution that market_candles holds for a symbol between two times: candles that open at or after the
-- first and close at or before the second. Null when there is none. The list is the one of market_candles.
CREATE OR REPLACE FUNCTION finest_resolution(of_symbol text, first_open timestamptz, last_close timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
  candidate text;
BEGIN
  -- One probe of the index each, the finest first; a join over the list would read whole windows.
  FOREACH candidate IN ARRAY ARRAY[
    '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '1w'
  ] LOOP
    IF EXISTS (
      SELECT FROM market_candles
      WHERE symbol = of_symbol
        AND resolution = candidate
        AND timestamp >= first_open
        AND timestamp <= last_close - resolution_interval(candidate)
    ) THEN
      RETURN candidate;
    END IF;
  END LOOP;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION finest_resolution IS
  'The finest resolution that market_candles holds for a symbol between two times, null when there is none';
