-- The day (UTC) that a trade belongs to in every statistic: the day of its completion. A trade of the first
-- platform may be completed without a time; it belongs to the day of its expiry. Times of no calendar, infinity and
-- years before 1 or after 9999, belong to the first and the last day that there is: 0001-01-02 and 9999-12-30.
CREATE OR REPLACE FUNCTION trade_day(completed_at timestamptz, expires_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN coalesce(completed_at, expires_at) IS NOT NULL THEN least(
      greatest(coalesce(completed_at, expires_at) AT TIME ZONE 'UTC', timestamp '0001-01-02 00:00'),
      timestamp '9999-12-30 00:00'
    )::date
  END
$$;

COMMENT ON FUNCTION trade_day IS
  'The day (UTC) that a trade belongs to: that of completed_at, or of expires_at where there is none';
