-- A position and the next fill give the position after it. What makes it larger moves the average entry, by cost; what
-- makes it smaller realises a result and leaves the average; what is left of a fill that closes the position opens the
-- opposite one at its own price.
CREATE OR REPLACE FUNCTION add_fill(held position_days, fill fills)
RETURNS position_days
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  change  numeric := CASE fill.side WHEN 'buy' THEN fill.quantity ELSE -fill.quantity END;
  size    numeric := coalesce(held.size, 0);
  closing numeric;
BEGIN
  held.realised_result := coalesce(held.realised_result, 0);
  held.fees := coalesce(held.fees, 0)
    + CASE WHEN is_dollar(fill.fee_currency) THEN coalesce(fill.fee, 0) ELSE 0 END;
  IF size = 0 THEN
    held.average_entry := fill.price;
    held.opened_at := fill.executed_at;
  ELSIF sign(size) = sign(change) THEN
    held.average_entry := (held.average_entry * size + fill.price * change) / (size + change);
  ELSE
    closing := least(abs(size), abs(change)) * sign(size);
    held.realised_result := held.realised_result + (fill.price - held.average_entry) * closing;
    IF abs(change) > abs(size) THEN
      held.average_entry := fill.price;
      held.opened_at := fill.executed_at;
    ELSIF abs(change) = abs(size) THEN
      held.average_entry := NULL;
      held.opened_at := NULL;
    END IF;
  END IF;
  held.size := size + change;
  held.last_fill_at := fill.executed_at;
  RETURN held;
END;
$$;

COMMENT ON FUNCTION add_fill IS 'The position after one more fill';
