-- Who is changing a trade: whom the session's setting tradeops.actor names, as JSON (include/actor.py writes it), or
-- else the role that has logged in. The setting is believed only of roles that belong to the owner of the trail, so
-- that nobody else can pass for a task or a person; what cannot be read names nobody. Called by note_trade_changes,
-- which runs with its owner's rights: current_user is that owner.
CREATE OR REPLACE FUNCTION trade_actor(OUT kind text, OUT name text, OUT run_id text, OUT asked_by text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  setting text := current_setting('tradeops.actor', true);
  said    jsonb;
BEGIN
  IF setting <> '' AND octet_length(setting) <= 4000 AND pg_has_role(session_user, current_user, 'MEMBER') THEN
    BEGIN
      said := setting;
    EXCEPTION WHEN data_exception THEN
      said := NULL;
    END;
  END IF;
  kind := said ->> 'kind';
  name := left(regexp_replace(said ->> 'name', '[[:cntrl:]]', '', 'g'), 500);
  IF kind IN ('task', 'person', 'key') AND name ~ '\S' THEN
    run_id := left(said ->> 'run_id', 250);
    asked_by := left(said ->> 'asked_by', 250);
  ELSE
    kind := 'role';
    name := coalesce(nullif(current_setting('role'), 'none'), session_user);
  END IF;
END;
$$;

COMMENT ON FUNCTION trade_actor IS 'Who is changing a trade: as the session says, or else the role that has logged in';
