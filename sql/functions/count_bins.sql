-- How often each number from the first to the last occurs, in their order; others and null are not counted.
CREATE OR REPLACE FUNCTION count_bins(bins integer[], first_bin integer, last_bin integer) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_agg(coalesce(found.times, 0) ORDER BY bin)
  FROM generate_series(first_bin, last_bin) AS bin
  LEFT JOIN (SELECT number, count(*)::integer AS times FROM unnest(bins) AS number GROUP BY number) AS found
    ON found.number = bin
$$;

COMMENT ON FUNCTION count_bins IS 'How often each number from the first to the last occurs';
