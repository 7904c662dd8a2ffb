-- What some values add to a histogram: how many fall into each bucket, and their sum (le is empty). A value that equals
-- a bound belongs below it, as in Prometheus: width_bucket counts the bounds that are at most a value, so it is asked
-- with all signs turned. What is no number a histogram could hold (NaN, infinity, below 0) is left out.
CREATE OR REPLACE FUNCTION count_values(of_metric text, measured double precision[])
RETURNS TABLE (le text, value numeric)
LANGUAGE sql STABLE AS $$
  WITH histogram AS MATERIALIZED (
    SELECT
      bounds || 'Infinity'::double precision AS bounds,
      (SELECT array_agg(-bound ORDER BY -bound) FROM unnest(bounds) AS bound) AS turned
    FROM metric_histograms()
    WHERE metric = of_metric
  ), sound AS MATERIALIZED (
    SELECT one FROM unnest(measured) AS one WHERE one >= 0 AND one < 1e15
  )
  SELECT
    replace(bounds[cardinality(bounds) - bucket]::text, 'Infinity', '+Inf'),
    count
  FROM histogram
  CROSS JOIN LATERAL (
    SELECT width_bucket(-one, turned) AS bucket, count(*)::numeric AS count FROM sound GROUP BY 1
  ) AS counted
  UNION ALL
  SELECT '', sum(one)::numeric FROM sound HAVING count(*) > 0
$$;

COMMENT ON FUNCTION count_values IS 'What some values add to a histogram of /metrics: a row a bucket, and the sum';
