-- A value for the audit trail: as it is, or its beginning where it is longer than so many characters. to_jsonb() makes
-- no JSON null of a NULL, so that is done here.
CREATE OR REPLACE FUNCTION short_value(value jsonb, longest integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value IS NULL THEN 'null'
    WHEN length(value::text) <= longest THEN value
    ELSE to_jsonb(format('%s … (%s characters, md5 %s)',
      left(value #>> '{}', longest), length(value #>> '{}'), md5(value #>> '{}')))
  END
$$;

COMMENT ON FUNCTION short_value IS 'A value as it is, or its beginning, its length and its md5';
