-- What counts against each model's budget of each day from :first to :last, and the budget of the last call there was.
SELECT day, choice, spent_usd, budget_usd
FROM llm_budget_days
WHERE day BETWEEN :first AND :last AND spent_usd < 'Infinity'
ORDER BY day, choice
