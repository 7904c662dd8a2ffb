-- Keeps updated_at: an UPDATE that changes nothing leaves it.
CREATE OR REPLACE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION set_updated_at IS 'Trigger function that keeps the column updated_at';

CREATE OR REPLACE TRIGGER set_updated_at BEFORE UPDATE ON trade_signals
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER set_updated_at BEFORE UPDATE ON trade_results
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER set_updated_at BEFORE UPDATE ON atge_performance_cache
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER set_updated_at BEFORE UPDATE ON orders
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
