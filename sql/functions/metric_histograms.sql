-- The upper bounds of the buckets of each histogram, in its unit. Who changes them changes them here: what was counted
-- before stays where it was.
CREATE OR REPLACE FUNCTION metric_histograms() RETURNS TABLE (metric text, bounds double precision[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  VALUES
    ('tradeops_sweep_latency_seconds',
      '{30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600, 10800, 21600, 86400}'::double precision[]),
    ('tradeops_settle_seconds', '{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300}'),
    ('tradeops_data_quality_score', '{0, 25, 50, 70, 80, 90, 95, 98, 99, 100}'),
    ('tradeops_service_call_seconds', '{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}'),
    ('tradeops_feedback_rating', '{1, 2, 3, 4, 5}'),
    ('db_query_duration_seconds', '{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}'),
    ('order_processing_seconds', '{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}'),
    ('bingx_order_execution_seconds', '{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}')
$$;

COMMENT ON FUNCTION metric_histograms IS 'The upper bounds of the buckets of each histogram of /metrics';
