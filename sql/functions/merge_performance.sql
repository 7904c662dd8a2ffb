-- The statistics of runs of trades that follow each other, given in their order, as those of all. An aggregate would say
-- the same; but a schema without aggregates can be described by pg_get_functiondef().
CREATE OR REPLACE FUNCTION merge_performance(parts performance_part[]) RETURNS performance_part
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  part performance_part;
  merged performance_part := parts[1];
BEGIN
  FOREACH part IN ARRAY parts[2:] LOOP
    merged := merge_performance_parts(merged, part);
  END LOOP;
  RETURN merged;
END;
$$;

COMMENT ON FUNCTION merge_performance IS
  'The statistics of runs of settled trades that follow each other, given in their order, as those of all';
