-- A time as the engine takes it. PostgreSQL knows years before 1 and after 9999, and infinity; Python knows none of
-- these, and one such time would fail the reading of a whole batch of trades.
CREATE OR REPLACE FUNCTION engine_time(value timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value IS NOT NULL THEN least(greatest(value, '0001-01-02 00:00Z'), '9999-12-30 00:00Z')
  END
$$;

COMMENT ON FUNCTION engine_time IS
  'A time as the settlement engine takes it: no earlier than the year 1, no later than the year 9999';
