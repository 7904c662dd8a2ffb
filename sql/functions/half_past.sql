-- Half past the hour at or after a time: when verify_balances judges what happened.
CREATE OR REPLACE FUNCTION half_past(happened_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT date_bin('1 hour', happened_at - interval '1 microsecond', timestamptz '2000-01-01 00:30:00+00') + interval '1 hour'
$$;

COMMENT ON FUNCTION half_past IS 'Half past the hour at or after a time: when verify_balances judges what happened';
