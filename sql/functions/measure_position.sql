-- The position at a moment: from the newest day that is kept before it, one pass over the fills since. Not `kept`: over
-- all fills, as if nothing was kept.
CREATE OR REPLACE FUNCTION measure_position(
  of_exchange text, of_symbol text, until timestamptz DEFAULT 'infinity', kept boolean DEFAULT true
)
RETURNS TABLE (size numeric, average_entry numeric, realised_result numeric, fees numeric, opened_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  one      fills;
  held position_days;
BEGIN
  IF kept THEN
    SELECT * INTO held
    FROM position_days AS day
    WHERE day.exchange = of_exchange AND day.symbol = of_symbol AND day.last_fill_at <= until
      AND (until = 'infinity' OR day.day <= CAST(until AT TIME ZONE 'UTC' AS date))
    ORDER BY day.day DESC
    LIMIT 1;
  END IF;
  FOR one IN
    SELECT *
    FROM fills
    WHERE fills.exchange = of_exchange AND fills.symbol = of_symbol
      AND executed_at > coalesce(held.last_fill_at, '-infinity') AND executed_at <= until
    ORDER BY executed_at, trade_id
  LOOP
    held := add_fill(held, one);
  END LOOP;
  RETURN QUERY SELECT
    coalesce(held.size, 0), held.average_entry, coalesce(held.realised_result, 0),
    coalesce(held.fees, 0), held.opened_at;
END;
$$;

COMMENT ON FUNCTION measure_position IS
  'The position that a symbol''s fills add up to at a moment: size in the base currency (negative: short), average '
  'entry by cost, result realised by what was closed, in the quote currency and before fees, fees paid in dollars';
