-- Adds up the rows of metric_hours and of trade_statuses where there are several of a kind.
CREATE OR REPLACE FUNCTION merge_kept_sums() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM merge_sums('metric_hours', 'hour, metric_type, unit', 'measured', 'total');
  PERFORM merge_sums('trade_statuses', 'status', 'trades');
END;
$$;

COMMENT ON FUNCTION merge_kept_sums IS
  'Adds up metric_hours and trade_statuses: one row a kind, as far as nobody else holds them';
