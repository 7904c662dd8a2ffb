-- Notes the days that are over and whose KPIs a change of atge_user_feedback makes stale: what came late, out of a spool.
-- Rights, search_path as in note_changed_signals.
CREATE OR REPLACE FUNCTION note_changed_feedback() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO daily_stats_due (day)
  SELECT DISTINCT trade_day(timestamp, timestamp)
  FROM changed
  WHERE rating IS NOT NULL AND timestamp < date_trunc('day', now(), 'UTC');
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION note_changed_feedback IS 'Trigger function that notes the days whose ratings have changed';

CREATE OR REPLACE TRIGGER note_inserted AFTER INSERT ON atge_user_feedback
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_feedback();
CREATE OR REPLACE TRIGGER note_updated_from AFTER UPDATE ON atge_user_feedback
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_feedback();
CREATE OR REPLACE TRIGGER note_updated_to AFTER UPDATE ON atge_user_feedback
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_feedback();
CREATE OR REPLACE TRIGGER note_deleted AFTER DELETE ON atge_user_feedback
  REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_changed_feedback();
