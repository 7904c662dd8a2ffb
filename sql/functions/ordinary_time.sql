-- A time that every reader can hold, in years of four digits; null for infinity and for years before 1 and after 9999.
-- For what people and programs are shown one by one: an unknown time is better than one that looks like another.
CREATE OR REPLACE FUNCTION ordinary_time(value timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN value >= '0001-01-01 00:00Z' AND value < '10000-01-01 00:00Z' THEN value END
$$;

COMMENT ON FUNCTION ordinary_time IS
  'A time in a year of four digits; null for infinity and for years before 1 and after 9999';
