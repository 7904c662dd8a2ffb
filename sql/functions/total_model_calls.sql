-- Adds calls of language models to the totals of their day, in the transaction that writes them, so that the costs of a
-- year are read without a look at its calls. A changed call leaves the totals as it was and enters them as it is. Deleted
-- calls stay in: retention takes the rows, not what was paid; so those that come back from the archive
-- (tradeops.loading_back, as in count_events) are there already.
--
-- Whoever calls a model locks the budget's row first, so that the totals' rows make nobody wait who did not already; they
-- are locked in one order.
CREATE OR REPLACE FUNCTION total_model_calls() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('tradeops.loading_back', true) = 'on' THEN
    RETURN NULL;
  END IF;
  EXECUTE format(
    $statement$
      INSERT INTO llm_daily_totals AS total (
        day, purpose, model, choice, outcome, calls, prompt_tokens, completion_tokens, cost_usd, unknown_usd, unpriced_calls,
        slowest_seconds
      )
      SELECT
        day, purpose, model_asked, choice, outcome, sum(sign),
        coalesce(sum(sign * prompt_tokens), 0), coalesce(sum(sign * completion_tokens), 0),
        coalesce(sum(sign * cost_usd) FILTER (WHERE cost_usd < 'Infinity'), 0),
        coalesce(sum(sign * reserved_usd) FILTER (WHERE cost_usd IS NULL AND reserved_usd < 'Infinity'), 0),
        coalesce(sum(sign) FILTER (WHERE cost_usd IS NULL AND reserved_usd IS NULL), 0),
        max(seconds) FILTER (WHERE sign = 1)
      FROM (SELECT 1 AS sign, * FROM changed %s) AS call
      GROUP BY day, purpose, model_asked, choice, outcome
      ORDER BY day, purpose, model_asked, choice, outcome
      ON CONFLICT (day, purpose, model, choice, outcome) DO UPDATE SET
        calls = total.calls + excluded.calls,
        prompt_tokens = total.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = total.completion_tokens + excluded.completion_tokens,
        cost_usd = total.cost_usd + excluded.cost_usd,
        unknown_usd = total.unknown_usd + excluded.unknown_usd,
        unpriced_calls = total.unpriced_calls + excluded.unpriced_calls,
        slowest_seconds = greatest(total.slowest_seconds, excluded.slowest_seconds)
    $statement$,
    CASE TG_OP WHEN 'UPDATE' THEN 'UNION ALL SELECT -1, * FROM former' END
  );
  RETURN NULL;
END;
$$;

CREATE OR REPLACE TRIGGER total_inserted_calls AFTER INSERT ON llm_calls
  REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION total_model_calls();
CREATE OR REPLACE TRIGGER total_updated_calls AFTER UPDATE ON llm_calls
  REFERENCING OLD TABLE AS former NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION total_model_calls();

COMMENT ON FUNCTION total_model_calls IS
  'Trigger function that adds calls of language models to llm_daily_totals';
