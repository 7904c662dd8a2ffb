-- One pass over a symbol's fills in the order of their execution. What makes the position larger moves the average
-- entry, by cost; what makes it smaller realises a result and leaves the average; what is left of a fill that closes
-- the position opens the opposite one at its own price.
CREATE OR REPLACE FUNCTION measure_position(of_exchange text, of_symbol text, until timestamptz DEFAULT 'infinity')
RETURNS TABLE (size numeric, average_entry numeric, realised_result numeric, opened_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  one     record;
  closing numeric;
BEGIN
  size := 0;
  realised_result := 0;
  FOR one IN
    SELECT
      price,
      executed_at,
      CASE side WHEN 'buy' THEN quantity ELSE -quantity END AS change
    FROM fills
    WHERE exchange = of_exchange AND symbol = of_symbol AND executed_at <= until
    ORDER BY executed_at, trade_id
  LOOP
    IF size = 0 THEN
      average_entry := one.price;
      opened_at := one.executed_at;
    ELSIF sign(size) = sign(one.change) THEN
      average_entry := (average_entry * size + one.price * one.change) / (size + one.change);
    ELSE
      closing := least(abs(size), abs(one.change)) * sign(size);
      realised_result := realised_result + (one.price - average_entry) * closing;
      IF abs(one.change) > abs(size) THEN
        average_entry := one.price;
        opened_at := one.executed_at;
      ELSIF abs(one.change) = abs(size) THEN
        average_entry := NULL;
        opened_at := NULL;
      END IF;
    END IF;
    size := size + one.change;
  END LOOP;
  RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION measure_position IS
  'The position that a symbol''s fills add up to: size in the base currency (negative: short), average entry by '
  'cost, result realised by what was closed, in the quote currency and before fees';
