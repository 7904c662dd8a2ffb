-- What the language models did and cost, by day (UTC), purpose, model and whether it was asked as the first or the second.
-- The budget is the whole day's of the first or of the second, the same in each of its rows.
CREATE OR REPLACE VIEW llm_daily_costs WITH (security_invoker = true) AS
SELECT
  call.day,
  call.purpose,
  call.model,
  sum(call.calls) FILTER (WHERE call.outcome NOT IN ('budget_spent', 'unpriced', 'paused')) AS calls,
  jsonb_object_agg(call.outcome, call.calls ORDER BY call.outcome) AS outcomes,
  sum(call.prompt_tokens) AS prompt_tokens,
  sum(call.completion_tokens) AS completion_tokens,
  sum(call.cost_usd) AS cost_usd,
  sum(call.unknown_usd) AS unknown_usd,
  sum(call.unpriced_calls) AS unpriced_calls,
  max(call.slowest_seconds) AS slowest_seconds,
  max(budget.budget_usd) AS day_budget_usd,
  max(budget.spent_usd) AS day_spent_usd,
  round(100 * max(budget.spent_usd) / nullif(max(budget.budget_usd), 0), 1) AS day_budget_used_percent,
  call.choice
FROM llm_daily_totals AS call
LEFT JOIN llm_budget_days AS budget ON budget.day = call.day AND budget.choice = call.choice
WHERE call.calls <> 0
GROUP BY call.day, call.purpose, call.model, call.choice
ORDER BY call.day DESC, call.purpose, call.model, call.choice;

COMMENT ON VIEW llm_daily_costs IS
  'What the language models did and cost, by day (UTC), purpose, model and choice; the budget is the whole day''s';
COMMENT ON COLUMN llm_daily_costs.choice IS 'Asked as the first model or as the second; each has a budget of its own';
COMMENT ON COLUMN llm_daily_costs.calls IS 'Requests that were made; refused ones stand in outcomes only';
COMMENT ON COLUMN llm_daily_costs.outcomes IS 'How many calls ended how: {"answered": 12, "timeout": 1}';
COMMENT ON COLUMN llm_daily_costs.cost_usd IS 'What is known to be spent, by the prices of the settings';
COMMENT ON COLUMN llm_daily_costs.unknown_usd IS
  'The most that calls under way, and calls of which no answer came, may have cost on top';
COMMENT ON COLUMN llm_daily_costs.unpriced_calls IS 'Calls of a model without a price: their cost is not known';
COMMENT ON COLUMN llm_daily_costs.day_budget_usd IS 'The budget at the last call that had one; null: none';
COMMENT ON COLUMN llm_daily_costs.day_spent_usd IS
  'What counts against the budget: known costs, and the worst case of calls whose cost nobody can know, lost ones too';
