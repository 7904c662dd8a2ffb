-- What each day from :first to :last cost, by purpose, model and choice, the oldest first.
SELECT day, purpose, model, choice, calls, outcomes, prompt_tokens, completion_tokens, cost_usd, unknown_usd, unpriced_calls
FROM llm_daily_costs
WHERE day BETWEEN :first AND :last
ORDER BY day, purpose, model, choice
