-- The length of a candle: '5m' -> 5 minutes. Null for a unit that is none of m, h, d, w.
-- Days are 24 hours: an interval of '1 day' would follow the session's clock changes.
CREATE OR REPLACE FUNCTION resolution_interval(resolution text) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE right(resolution, 1)
  WHEN 'm' THEN make_interval(mins => left(resolution, -1)::int)
  WHEN 'h' THEN make_interval(hours => left(resolution, -1)::int)
  WHEN 'd' THEN make_interval(hours => 24 * left(resolution, -1)::int)
  WHEN 'w' THEN make_interval(hours => 168 * left(resolution, -1)::int)
END;

COMMENT ON FUNCTION resolution_interval IS 'The length of a candle: 1m, 5m, 1h, 1d, 1w as an interval';
