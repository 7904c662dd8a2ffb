-- A moment counts as judged while its grants are there: where grants are taken away, those moments are judged anew, as a
-- backfill needs it. With the rights of the owner of the function, for whoever may delete grants.
CREATE OR REPLACE FUNCTION forget_judgements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM access_counts;
  ELSE
    DELETE FROM access_counts WHERE judged_at >= (SELECT min(since) FROM removed);
  END IF;
  RETURN NULL;
END;
$$;

COMMENT ON FUNCTION forget_judgements IS 'Trigger function: moments whose grants are deleted count as judged no more';

CREATE OR REPLACE TRIGGER forget_deleted AFTER DELETE ON access_grants
  REFERENCING OLD TABLE AS removed
  FOR EACH STATEMENT EXECUTE FUNCTION forget_judgements();
CREATE OR REPLACE TRIGGER forget_truncated AFTER TRUNCATE ON access_grants
  FOR EACH STATEMENT EXECUTE FUNCTION forget_judgements();
