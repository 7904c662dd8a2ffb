-- The day (UTC) that a trade belongs to in every statistic: the day of its completion. A trade of the first
-- platform may be completed without a time; it belongs to the day of its expiry.
CREATE OR REPLACE FUNCTION trade_day(completed_at timestamptz, expires_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (coalesce(completed_at, expires_at) AT TIME ZONE 'UTC')::date
$$;

COMMENT ON FUNCTION trade_day IS
  'The day (UTC) that a trade belongs to: that of completed_at, or of expires_at where there is none';
