-- What each model cost in a period by purpose, and by whether it was asked as the first or the second, US dollars, the
-- dearest first.
SELECT
  model_asked AS model, purpose, choice,
  count(*) FILTER (WHERE outcome NOT IN ('budget_spent', 'unpriced', 'paused')) AS calls,
  sum(prompt_tokens) AS prompt_tokens,
  sum(completion_tokens) AS completion_tokens,
  sum(cost_usd) AS cost
FROM llm_calls
WHERE day >= CAST(:start AS date) AND day < CAST(:end AS date)
GROUP BY model_asked, purpose, choice
ORDER BY cost DESC NULLS LAST, model_asked, purpose, choice
LIMIT :limit
