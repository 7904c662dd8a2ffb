-- Notes what an answer says of the model that gave it, for its next questions. Answers that are unusable in the same
-- way, p_most in a row with no usable one between them, are the model's doing and not the questions': it is left alone
-- for p_pause. A service that asks to be left alone (p_retry_after) is, for as long as it says. A usable answer ends
-- the row, and a pause for it. Called with llm_settle, in one transaction.
--
-- Where there are two models, one that failed (p_down, said once for a question, whatever tries it took) is left alone for
-- a minute, doubled with each failure after a pause up to half an hour; questions that were under way when it failed count
-- no more. Any answer of the model ends that.
DROP FUNCTION IF EXISTS llm_note_answer;
CREATE FUNCTION llm_note_answer(
  p_address     text,
  p_model       text,
  p_call_id     uuid,
  p_usable      boolean,
  p_alike       text,      -- what makes the answer unusable; null: nothing that tells of the model
  p_most        integer,
  p_pause       interval,
  p_retry_after float8,    -- seconds; null: it did not ask
  p_reason      text,
  p_down        boolean    -- it failed, and there is another model
)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  IF p_usable THEN
    UPDATE llm_endpoints
    SET alike = NULL, alike_in_row = 0, alike_since = NULL, down_in_row = 0, down_since = NULL, tried_until = NULL,
      paused_until = CASE WHEN paused_for IN ('alike', 'down') THEN NULL ELSE paused_until END
    WHERE address = p_address AND model = p_model AND (alike IS NOT NULL OR down_in_row > 0);
    RETURN;
  END IF;

  INSERT INTO llm_endpoints AS held (address, model) VALUES (p_address, p_model) ON CONFLICT DO NOTHING;

  IF p_alike IS NOT NULL THEN
    UPDATE llm_endpoints AS held
    SET alike = p_alike, down_in_row = 0, down_since = NULL, tried_until = NULL,
      paused_until = CASE WHEN paused_for = 'down' THEN NULL ELSE paused_until END,
      alike_in_row = CASE WHEN alike = p_alike THEN alike_in_row + 1 ELSE 1 END,
      alike_since = CASE WHEN alike = p_alike THEN least(alike_since, call.at) ELSE call.at END
    FROM llm_calls AS call
    WHERE held.address = p_address AND held.model = p_model AND call.id = p_call_id;

    UPDATE llm_endpoints
    SET paused_for = 'alike', paused_at = moment, paused_until = moment + p_pause,
      reason = format(
        'the model %s failed the last %s questions in the same way, and is left alone for a while: %s',
        p_model, alike_in_row, p_reason
      )
    WHERE address = p_address AND model = p_model AND alike_in_row >= p_most
      -- A longer pause stays; one from the future is none.
      AND coalesce(paused_until < moment + p_pause OR paused_at > moment, true);
  END IF;

  IF p_retry_after IS NOT NULL THEN
    UPDATE llm_endpoints
    SET paused_for = 'retry_after', paused_at = moment, tried_until = NULL,
      paused_until = moment + make_interval(secs => p_retry_after),
      reason = format('the service of %s asked to be left alone (Retry-After): %s', p_model, p_reason)
    WHERE address = p_address AND model = p_model
      AND coalesce(paused_until < moment + make_interval(secs => p_retry_after) OR paused_at > moment, true);
  END IF;

  IF p_down THEN
    UPDATE llm_endpoints
    SET down_in_row = down_in_row + 1,
      down_since = coalesce(least(down_since, moment), moment),
      tried_until = NULL,
      paused_for = 'down', paused_at = moment,
      paused_until = moment + least(interval '1 minute' * 2 ^ least(down_in_row, 10), interval '30 minutes'),
      reason = format('the model %s failed and is left alone for a while: %s', p_model, p_reason)
    WHERE address = p_address AND model = p_model
      AND coalesce(paused_until <= moment OR paused_at > moment, true);
  END IF;
END
$$;

COMMENT ON FUNCTION llm_note_answer IS 'Notes what an answer says of its model: whether it shall be left alone for a while';
