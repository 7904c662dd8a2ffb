-- Enters what became of a call of a language model, once: its cost goes from reserved to spent. A cost that nobody
-- can know counts as the worst case. A call that was thought lost is spent at its worst case already; the true cost
-- takes its place. The day's row is locked before the call's, as in llm_reserve.
DROP FUNCTION IF EXISTS llm_settle;
CREATE FUNCTION llm_settle(
  p_id                uuid,
  p_outcome           text,
  p_reason            text,
  p_model             text,
  p_prompt_tokens     integer,
  p_completion_tokens integer,
  p_cost              numeric,  -- US dollars; null: not known
  p_seconds           numeric
)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  of_day   date;
  of_whom  text;
  former   text;
  reserved numeric;
BEGIN
  SELECT budget.day, budget.choice INTO of_day, of_whom
  FROM llm_budget_days AS budget
  JOIN llm_calls AS call ON call.day = budget.day AND call.choice = budget.choice
  WHERE call.id = p_id
  FOR UPDATE OF budget;

  -- A statement of its own: it must see what whoever held the lock has written.
  SELECT outcome, coalesce(reserved_usd, 0) INTO former, reserved FROM llm_calls WHERE id = p_id;

  UPDATE llm_calls
  SET outcome = p_outcome, reason = p_reason, model_answered = p_model,
    prompt_tokens = p_prompt_tokens, completion_tokens = p_completion_tokens,
    cost_usd = p_cost, seconds = p_seconds
  WHERE id = p_id AND outcome IN ('under_way', 'lost');

  IF FOUND THEN
    UPDATE llm_budget_days
    SET spent_usd = spent_usd + coalesce(p_cost, reserved) - CASE former WHEN 'lost' THEN reserved ELSE 0 END
    WHERE day = of_day AND choice = of_whom;
  END IF;
END
$$;

COMMENT ON FUNCTION llm_settle IS 'Enters what became of a call of a language model: its cost is spent';
