-- A number as the engine takes it. What a double cannot hold, too large or too small, is no price that a market could
-- trade: NaN, which the engine answers as invalid. A plain cast would fail, and with it a whole batch of trades.
CREATE OR REPLACE FUNCTION engine_number(value numeric) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value = 0 OR abs(value) BETWEEN 1e-300 AND 1e300 THEN value::float8
    WHEN value IS NOT NULL THEN 'NaN'::float8
  END
$$;

COMMENT ON FUNCTION engine_number IS
  'A number as the settlement engine takes it: double precision, NaN for what that cannot hold';
