-- Keeps metric_hours: what a statement adds, changes or takes away, by hour, type and unit, in the same transaction. It
-- runs with its owner's rights, since whoever may write a measurement may not write the sums; search_path as in
-- note_changed_signals. What is no number takes no part, as in telemetry/measure_monitoring.
CREATE OR REPLACE FUNCTION sum_metric_hours() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    TRUNCATE metric_hours;  -- no DELETE, which does not see what someone who adds rows up is about to write
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO metric_hours (hour, metric_type, unit, measured, total)
    SELECT date_trunc('hour', timestamp, 'UTC'), metric_type, unit, -count(*), -sum(value)
    FROM former
    WHERE unit IN ('ms', 'seconds') AND value > '-Infinity' AND value < 'Infinity'
    GROUP BY 1, 2, 3;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO metric_hours (hour, metric_type, unit, measured, total)
    SELECT date_trunc('hour', timestamp, 'UTC'), metric_type, unit, count(*), sum(value)
    FROM changed
    WHERE unit IN ('ms', 'seconds') AND value > '-Infinity' AND value < 'Infinity'
    GROUP BY 1, 2, 3;
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION sum_metric_hours IS 'Trigger function that keeps metric_hours';

CREATE OR REPLACE TRIGGER sum_hours_inserted AFTER INSERT ON atge_performance_metrics
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION sum_metric_hours();
CREATE OR REPLACE TRIGGER sum_hours_updated AFTER UPDATE ON atge_performance_metrics
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION sum_metric_hours();
CREATE OR REPLACE TRIGGER sum_hours_deleted AFTER DELETE ON atge_performance_metrics
  REFERENCING OLD TABLE AS former
  FOR EACH STATEMENT EXECUTE FUNCTION sum_metric_hours();
CREATE OR REPLACE TRIGGER sum_hours_truncated AFTER TRUNCATE ON atge_performance_metrics
  FOR EACH STATEMENT EXECUTE FUNCTION sum_metric_hours();
