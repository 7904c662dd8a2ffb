-- A trade whose result is written anew loses its analysis: the former one stays in the history, and whatever was
-- tried or given up for the old result counts no more. Settling sets ai_analysis to null for that. It runs with its
-- owner's rights, and pg_temp comes last, as in note_changed_signals.
CREATE OR REPLACE FUNCTION supersede_analysis() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE trade_analyses SET superseded_at = now()
  WHERE trade_signal_id = NEW.trade_signal_id AND superseded_at IS NULL;
  DELETE FROM analysis_claims WHERE trade_signal_id = NEW.trade_signal_id;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION supersede_analysis IS
  'Trigger function: a trade that is settled anew keeps its former analysis as history only';

CREATE OR REPLACE TRIGGER supersede_analysis AFTER UPDATE OF ai_analysis ON trade_results
  FOR EACH ROW WHEN (NEW.ai_analysis IS NULL) EXECUTE FUNCTION supersede_analysis();
