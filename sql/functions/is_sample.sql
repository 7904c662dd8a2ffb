-- Is a trade none of the business: a sample of the demo, or one that was settled on invented prices? Figures of the
-- business that people are alerted of leave it out. local/samples.py names the batches.
CREATE OR REPLACE FUNCTION is_sample(ai_model text, data_source text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(starts_with(ai_model, 'sample-batch-'), false) OR coalesce(data_source = 'sandbox', false)
$$;

COMMENT ON FUNCTION is_sample IS 'Is it a sample of the demo, or settled on the sandbox''s invented prices?';
