-- What differs between a row as it was and as it is, by column; null for one: all of the other that is not null. A value
-- that is overwritten or deleted is kept up to 20,000 characters; of one that is written 300 are shown, since the table
-- has it whole, and so has the trail as soon as it is overwritten.
CREATE OR REPLACE FUNCTION changed_values(former jsonb, present jsonb, OUT before jsonb, OUT after jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT
    CASE WHEN former IS NOT NULL THEN jsonb_object_agg(key, short_value(coalesce(former -> key, 'null'), 20000)) END,
    CASE WHEN present IS NOT NULL THEN jsonb_object_agg(key, short_value(coalesce(present -> key, 'null'), 300)) END
  FROM jsonb_object_keys(coalesce(former, present)) AS key
  WHERE coalesce(former -> key, 'null') <> coalesce(present -> key, 'null')
$$;

COMMENT ON FUNCTION changed_values IS 'What differs between a row as it was and as it is, by column';
