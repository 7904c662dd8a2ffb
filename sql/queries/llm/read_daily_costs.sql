-- What each day from :first to :last cost, by purpose and model, the oldest first.
SELECT day, purpose, model, calls, outcomes, prompt_tokens, completion_tokens, cost_usd, unknown_usd, unpriced_calls
FROM llm_daily_costs
WHERE day BETWEEN :first AND :last
ORDER BY day, purpose, model
