-- One generated signal a minute for each user: whoever ties an attempt to its signal takes the user's minute, in
-- the same transaction. The upsert holds the user's row until the end of that transaction, so of two at once the
-- second waits, sees the first one's time and is refused; a rolling minute, by the database's clock. A minute that
-- lies in the future is no minute: a clock was ahead (set_back_future_rows says so). Signals that
-- are inserted otherwise (by hand, samples, an import) are tied to no attempt and not limited.
CREATE OR REPLACE FUNCTION take_signal_slot() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.trade_signal_id IS NOT DISTINCT FROM NEW.trade_signal_id THEN
    RETURN NEW;
  END IF;
  INSERT INTO signal_slots AS slot (user_id, taken_at, trade_signal_id)
  VALUES (NEW.user_id, now(), NEW.trade_signal_id)
  ON CONFLICT (user_id) DO UPDATE
  SET taken_at = excluded.taken_at, trade_signal_id = excluded.trade_signal_id
  WHERE slot.taken_at <= excluded.taken_at - interval '1 minute'
    OR slot.taken_at > excluded.taken_at + interval '1 minute';  -- by a clock that was ahead
  IF NOT FOUND THEN
    RAISE EXCEPTION 'user % got a generated signal less than a minute ago', NEW.user_id
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'one_signal_a_minute';
  END IF;
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION take_signal_slot IS
  'Trigger function: one generated signal a minute for each user, or exclusion_violation';

CREATE OR REPLACE TRIGGER take_signal_slot BEFORE INSERT OR UPDATE OF trade_signal_id ON signal_attempts
  FOR EACH ROW WHEN (NEW.trade_signal_id IS NOT NULL) EXECUTE FUNCTION take_signal_slot();
