-- A forecast that can be changed once its day has begun is worth nothing. When it was stored, the database says. The owner
-- of the tables could switch this off; nobody else can.
CREATE OR REPLACE FUNCTION protect_forecasts() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION 'Forecasts are kept: TRUNCATE of % is refused', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP <> 'INSERT' AND now() >= (OLD.day::timestamp AT TIME ZONE 'UTC') THEN
    RAISE EXCEPTION 'The forecast for % is not changed any more: its day has begun', OLD.day
      USING ERRCODE = 'insufficient_privilege', HINT = 'docs/portfolio.md says why';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  NEW.stored_at := now();
  RETURN NEW;
END;
$$;

COMMENT ON FUNCTION protect_forecasts IS 'Trigger function that keeps a forecast as it is once its day has begun';

CREATE OR REPLACE TRIGGER protect_forecast BEFORE INSERT OR UPDATE OR DELETE ON risk_forecasts
  FOR EACH ROW EXECUTE FUNCTION protect_forecasts();
CREATE OR REPLACE TRIGGER protect_truncated BEFORE TRUNCATE ON risk_forecasts
  FOR EACH STATEMENT EXECUTE FUNCTION protect_forecasts();
