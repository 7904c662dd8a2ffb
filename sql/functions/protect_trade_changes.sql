-- The trail is only appended to, by note_trade_changes. What is allowed besides: retention deletes rows of a day that it
-- has archived, written and read back, and loads them back; and what a person has a right to have erased may be blanked,
-- before and after of it, which leaves a row of its own. The owner of the tables could switch this off; nobody else can.
-- It runs with its owner's rights, and pg_temp comes last, as in note_trade_changes.
CREATE OR REPLACE FUNCTION protect_trade_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  who     record;
  allowed boolean := false;
BEGIN
  IF TG_OP = 'DELETE' THEN
    allowed := NOT EXISTS (
      SELECT (changed_at AT TIME ZONE 'UTC')::date FROM former
      EXCEPT
      SELECT day FROM archived_batches WHERE table_name = 'trade_changes' AND state = 'written'
    );
  ELSIF TG_OP = 'INSERT' THEN
    allowed := pg_trigger_depth() > 1 OR NOT EXISTS (
      SELECT (changed_at AT TIME ZONE 'UTC')::date FROM changed
      EXCEPT
      SELECT day FROM archived_batches WHERE table_name = 'trade_changes' AND state = 'deleted'
    );
  ELSIF TG_OP = 'UPDATE' THEN
    allowed := NOT EXISTS (
      SELECT to_jsonb(changed) FROM changed
      EXCEPT
      SELECT to_jsonb(former) || '{"before": null, "after": null}' FROM former
    );
  END IF;
  IF NOT allowed THEN
    RAISE EXCEPTION 'The audit trail trade_changes is only appended to, by the changes themselves: % is refused', TG_OP
      USING ERRCODE = 'insufficient_privilege', HINT = 'docs/audit.md says what may be done: archiving, and erasing';
  END IF;

  IF TG_OP = 'UPDATE' THEN
    SELECT * INTO who FROM trade_actor();
    INSERT INTO trade_changes (table_name, operation, actor_kind, actor, run_id, asked_by, role, application, shelf, trade_ids)
    SELECT 'trade_changes', 'ERASE', who.kind, who.name, who.run_id, who.asked_by, session_user,
      current_setting('application_name'), changed.shelf, array_agg(DISTINCT trade)
    FROM changed CROSS JOIN LATERAL unnest(trade_ids) AS trade
    GROUP BY changed.shelf;
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION protect_trade_changes IS 'Trigger function that refuses to change or forge the audit trail';

CREATE OR REPLACE TRIGGER protect_inserted AFTER INSERT ON trade_changes
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION protect_trade_changes();
CREATE OR REPLACE TRIGGER protect_updated AFTER UPDATE ON trade_changes
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION protect_trade_changes();
CREATE OR REPLACE TRIGGER protect_deleted AFTER DELETE ON trade_changes
  REFERENCING OLD TABLE AS former
  FOR EACH STATEMENT EXECUTE FUNCTION protect_trade_changes();
CREATE OR REPLACE TRIGGER protect_truncated BEFORE TRUNCATE ON trade_changes
  FOR EACH STATEMENT EXECUTE FUNCTION protect_trade_changes();
