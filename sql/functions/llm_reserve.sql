-- May a call of a language model be made within the day's budget? Enters it in llm_calls either way, with the most
-- that it can cost. The lock of the day's row makes processes ask one after another, so that together they cannot
-- overspend; without a budget nobody waits, but to enter calls that were lost. A model that is left alone for a while
-- (llm_endpoints) is not called before that is over: a caller that has the patience waits, and nothing is entered.
--
-- Where there are two models, each has a budget of its own. What the first one is not asked for the second is: that is no
-- call that was refused, and not entered. A model that was down is tried by one question at a time.
-- Called by include/llm; the tables are in the migrations `language_model`, `llm_endpoints` and `second_model`.
DROP FUNCTION IF EXISTS llm_reserve;
CREATE FUNCTION llm_reserve(
  p_purpose         text,
  p_model           text,
  p_worst           numeric,   -- US dollars that the call costs at most; null: the model has no price
  p_budget          numeric,   -- US dollars a day (UTC); null: none
  p_lease           interval,  -- how long the reservation holds without a word
  p_trade_signal_id uuid,
  p_user_id         uuid,
  p_address         text,
  p_patience        interval,  -- how long the caller can wait
  p_choice          text,      -- first, second: whose budget pays
  p_paired          boolean,   -- whether there are two models
  OUT call_id       uuid,
  OUT verdict       text,      -- go, wait, paused, budget_spent, unpriced
  OUT reason        text,      -- why not, in words
  OUT first_refusal boolean,   -- whether this refusal has not been told
  OUT wait_seconds  float8     -- of `wait`
)
LANGUAGE plpgsql
AS $$
DECLARE
  moment   timestamptz := clock_timestamp();
  today    date := (moment AT TIME ZONE 'UTC')::date;
  -- No call of a later day than this can have been entered; within the last minute of a day that is tomorrow.
  tomorrow date := ((moment + interval '1 minute') AT TIME ZONE 'UTC')::date;
  spent    numeric;
  reserved numeric;
  pause    llm_endpoints;
  is_trial boolean := false;
BEGIN
  call_id := gen_random_uuid();
  verdict := 'go';
  first_refusal := false;

  -- A pause that began in the future was written by a clock that was wrong: it stops nobody.
  SELECT * INTO pause FROM llm_endpoints
  WHERE address = p_address AND model = p_model AND paused_at <= moment AND paused_until > moment;
  IF FOUND AND pause.paused_until - moment <= p_patience THEN
    verdict := 'wait';
    wait_seconds := extract(epoch FROM pause.paused_until - moment);
    RETURN;
  END IF;

  INSERT INTO llm_budget_days (day, choice) VALUES (today, p_choice) ON CONFLICT DO NOTHING;
  -- The rows of all days that are changed below, before their calls, as in llm_settle, and in one order: no deadlock.
  PERFORM FROM llm_budget_days
  WHERE (day = today AND choice = p_choice AND p_budget IS NOT NULL)
    OR day > tomorrow
    OR (day = today AND EXISTS (SELECT FROM llm_budget_days WHERE day > tomorrow))
    OR (day, choice) IN (
      SELECT call.day, call.choice
      FROM llm_calls AS call
      WHERE call.outcome = 'under_way'
        AND (call.lapses_at NOT BETWEEN moment AND moment + interval '1 hour' OR call.at > moment)
    )
  ORDER BY day, choice
  FOR UPDATE;

  -- What was spent while a clock was ahead was spent today: a later day must not begin with it.
  IF EXISTS (SELECT FROM llm_budget_days WHERE day > tomorrow) THEN
    PERFORM note_future_rows('llm_calls', count(*), max(at), 'They count as calls of today.')
    FROM llm_calls WHERE day > tomorrow;
    UPDATE llm_calls SET day = today, at = least(at, moment), lapses_at = least(lapses_at, moment + p_lease)
    WHERE day > tomorrow;
    WITH later AS (
      DELETE FROM llm_budget_days WHERE day > tomorrow RETURNING choice, spent_usd
    )
    INSERT INTO llm_budget_days AS held (day, choice, spent_usd)
    SELECT today, later.choice, sum(later.spent_usd) FROM later GROUP BY later.choice ORDER BY later.choice
    ON CONFLICT (day, choice) DO UPDATE SET spent_usd = held.spent_usd + excluded.spent_usd;
  END IF;
  PERFORM set_back_future_rows(ARRAY['llm_calls'], moment);

  -- A lost call may have been answered and billed, so it is spent, at its worst: a worker that dies again and again
  -- would otherwise get its money back each time.
  WITH lost AS (
    UPDATE llm_calls SET outcome = 'lost', reason = 'the process ended before the answer came'
    WHERE outcome = 'under_way' AND lapses_at <= moment
    RETURNING day, choice, reserved_usd
  ), by_day AS (
    SELECT day, choice, sum(reserved_usd) AS usd FROM lost GROUP BY day, choice
  )
  UPDATE llm_budget_days AS budget SET spent_usd = budget.spent_usd + by_day.usd
  FROM by_day
  WHERE budget.day = by_day.day AND budget.choice = by_day.choice AND by_day.usd > 0;

  IF p_budget IS NOT NULL THEN
    UPDATE llm_budget_days SET budget_usd = p_budget
    WHERE day = today AND choice = p_choice AND budget_usd IS DISTINCT FROM p_budget;
    SELECT spent_usd INTO spent FROM llm_budget_days WHERE day = today AND choice = p_choice;
  END IF;

  IF pause.address IS NOT NULL THEN
    verdict := 'paused';
    reason := format('%s; not asked before %s UTC', pause.reason, to_char(pause.paused_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'));
  ELSIF p_budget IS NOT NULL AND p_worst IS NULL THEN
    verdict := 'unpriced';
    reason := format(
      'the model %s has no price, so the daily budget cannot be kept: add it to llm_prices (a local server: 0), '
      'or take the budget away', p_model
    );
  ELSIF p_budget IS NOT NULL AND p_worst > 0 THEN
    SELECT coalesce(sum(reserved_usd), 0) INTO reserved
    FROM llm_calls WHERE outcome = 'under_way' AND day = today AND choice = p_choice;
    IF spent + reserved + p_worst > p_budget THEN
      verdict := 'budget_spent';
      reason := format(
        '%s of %s US dollars for %s does not allow another call: %s are spent, %s reserved for calls '
        'under way, and this one may cost %s; it starts anew at midnight UTC',
        CASE p_choice WHEN 'second' THEN 'the second model''s budget' ELSE 'the budget' END,
        trim_scale(p_budget), today, trim_scale(round(spent, 6)), trim_scale(round(reserved, 6)),
        trim_scale(round(p_worst, 6))
      );
    END IF;
  END IF;

  -- After the budget's row, as whoever settles a call locks them. A trial that began in the future is none.
  IF verdict = 'go' AND p_paired THEN
    UPDATE llm_endpoints SET tried_until = moment + p_lease
    WHERE address = p_address AND model = p_model AND down_in_row > 0
      AND coalesce(tried_until <= moment OR tried_until > moment + interval '1 hour', true);
    IF NOT FOUND THEN
      SELECT * INTO pause FROM llm_endpoints WHERE address = p_address AND model = p_model AND down_in_row > 0;
      IF FOUND THEN
        verdict := 'paused';
        is_trial := true;
        reason := format('%s; another question tries whether it works again', pause.reason);
      END IF;
    END IF;
  END IF;

  IF verdict = 'go' OR p_choice = 'second' OR NOT p_paired THEN
    INSERT INTO llm_calls (
      id, day, purpose, model_asked, choice, reserved_usd, cost_usd, outcome, reason, lapses_at, trade_signal_id, user_id
    ) VALUES (
      call_id, today, p_purpose, p_model, p_choice, CASE verdict WHEN 'go' THEN p_worst ELSE 0 END,
      CASE verdict WHEN 'go' THEN NULL ELSE 0 END, CASE verdict WHEN 'go' THEN 'under_way' ELSE verdict END,
      reason, clock_timestamp() + p_lease, p_trade_signal_id, p_user_id
    );
  END IF;
  IF verdict <> 'go' THEN
    -- Told once for each day and budget, or model, or for each pause, or outage: the id is made of what is told.
    INSERT INTO atge_error_logs (id, error_type, error_message, severity, context)
    VALUES (
      md5(
        CASE
          WHEN verdict <> 'paused' THEN concat_ws(
            ' ', 'llm_reserve', verdict, today, CASE verdict WHEN 'unpriced' THEN p_model ELSE p_budget::text END,
            nullif(p_choice, 'first')
          )
          WHEN is_trial OR pause.paused_for = 'down'
            THEN concat_ws(' ', 'llm_reserve', 'down', p_address, p_model, pause.down_since)
          ELSE concat_ws(' ', 'llm_reserve', verdict, p_address, p_model, pause.paused_at)
        END
      )::uuid,
      CASE p_purpose WHEN 'post_mortem' THEN 'analysis' WHEN 'signal' THEN 'generation' ELSE 'api' END,
      'language model: ' || reason,
      'medium',
      jsonb_build_object(
        'outcome', verdict, 'day', today, 'model', p_model, 'choice', p_choice, 'purpose', p_purpose,
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
COMMENT ON COLUMN llm_calls.lapses_at IS
  'Under way no longer than this; then the call is lost, and what was reserved for it is spent';
