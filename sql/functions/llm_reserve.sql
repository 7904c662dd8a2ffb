-- May a call of a language model be made within the day's budget? Enters it in llm_calls either way, with the most
-- that it can cost. The lock of the day's row makes processes ask one after another, so that together they cannot
-- overspend; without a budget nobody waits. Called by include/llm; the tables are in migration 0008.
DROP FUNCTION IF EXISTS llm_reserve;
CREATE FUNCTION llm_reserve(
  p_purpose         text,
  p_model           text,
  p_worst           numeric,   -- US dollars that the call costs at most; null: the model has no price
  p_budget          numeric,   -- US dollars a day (UTC); null: none
  p_lease           interval,  -- how long the reservation holds without a word
  p_trade_signal_id uuid,
  p_user_id         uuid,
  OUT call_id       uuid,
  OUT verdict       text,      -- go, budget_spent, unpriced
  OUT reason        text,      -- why not, in words
  OUT first_refusal boolean    -- whether this refusal has not been told today
)
LANGUAGE plpgsql
AS $$
DECLARE
  today    date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  spent    numeric;
  reserved numeric;
BEGIN
  call_id := gen_random_uuid();
  verdict := 'go';
  first_refusal := false;
  INSERT INTO llm_budget_days (day) VALUES (today) ON CONFLICT DO NOTHING;
  IF p_budget IS NOT NULL THEN
    SELECT spent_usd INTO spent FROM llm_budget_days WHERE day = today FOR UPDATE;
    UPDATE llm_budget_days SET budget_usd = p_budget
    WHERE day = today AND budget_usd IS DISTINCT FROM p_budget;
  END IF;

  UPDATE llm_calls SET outcome = 'lost', reason = 'the process ended before the answer came'
  WHERE id IN (
    SELECT id FROM llm_calls
    WHERE outcome = 'under_way' AND lapses_at <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
  );

  IF p_budget IS NOT NULL AND p_worst IS NULL THEN
    verdict := 'unpriced';
    reason := format(
      'the model %s has no price, so the daily budget cannot be kept: add it to llm_prices (a local server: 0), '
      'or take the budget away', p_model
    );
  ELSIF p_budget IS NOT NULL AND p_worst > 0 THEN
    SELECT coalesce(sum(reserved_usd), 0) INTO reserved
    FROM llm_calls WHERE outcome = 'under_way' AND day = today;
    IF spent + reserved + p_worst > p_budget THEN
      verdict := 'budget_spent';
      reason := format(
        'the budget of %s US dollars for %s does not allow another call: %s are spent, %s reserved for calls '
        'under way, and this one may cost %s; it starts anew at midnight UTC',
        trim_scale(p_budget), today, trim_scale(round(spent, 6)), trim_scale(round(reserved, 6)),
        trim_scale(round(p_worst, 6))
      );
    END IF;
  END IF;

  INSERT INTO llm_calls (
    id, purpose, model_asked, reserved_usd, cost_usd, outcome, reason, lapses_at, trade_signal_id, user_id
  ) VALUES (
    call_id, p_purpose, p_model, CASE verdict WHEN 'go' THEN p_worst ELSE 0 END,
    CASE verdict WHEN 'go' THEN NULL ELSE 0 END, CASE verdict WHEN 'go' THEN 'under_way' ELSE verdict END,
    reason, clock_timestamp() + p_lease, p_trade_signal_id, p_user_id
  );
  IF verdict <> 'go' THEN
    -- Told once for each day and budget, or model: the id is made of what is told.
    INSERT INTO atge_error_logs (id, error_type, error_message, severity, context)
    VALUES (
      md5(concat_ws(' ', 'llm_reserve', verdict, today, CASE verdict WHEN 'unpriced' THEN p_model ELSE p_budget::text END))
        ::uuid,
      CASE p_purpose WHEN 'post_mortem' THEN 'analysis' WHEN 'signal' THEN 'generation' ELSE 'api' END,
      'language model: ' || reason,
      'medium',
      jsonb_build_object(
        'outcome', verdict, 'day', today, 'model', p_model, 'purpose', p_purpose,
        'budget_usd', p_budget, 'spent_usd', spent
      )
    )
    ON CONFLICT (id) DO NOTHING;
    first_refusal := FOUND;
  END IF;
END
$$;

COMMENT ON FUNCTION llm_reserve IS
  'May a call of a language model be made within the day''s budget? Enters it in llm_calls';
