-- What the language models cost in each period, US dollars, in the order of :starts: what is known, the most that calls of
-- unknown cost may have cost, and calls without a price, whose cost nobody knows. The budget is the sum of its days, of the first model and the second.
SELECT
  coalesce(sum(call.cost), 0) AS cost,
  coalesce(sum(call.unknown), 0) AS unknown,
  coalesce(sum(call.unpriced), 0)::bigint AS unpriced,
  coalesce(sum(call.calls), 0)::bigint AS calls,
  coalesce(sum(call.failed), 0)::bigint AS failed,
  (
    SELECT sum(budget_usd) FROM llm_budget_days WHERE day >= period.starts AND day < period.ends
  ) AS budget,
  (
    SELECT count(DISTINCT day) FROM llm_budget_days WHERE day >= period.starts AND day < period.ends AND spent_usd > budget_usd
  ) AS days_over
FROM unnest(CAST(:starts AS date[]), CAST(:ends AS date[])) WITH ORDINALITY AS period (starts, ends, place)
LEFT JOIN LATERAL (
  SELECT
    sum(cost_usd) AS cost,
    sum(reserved_usd) FILTER (WHERE cost_usd IS NULL) AS unknown,
    count(*) FILTER (WHERE cost_usd IS NULL AND reserved_usd IS NULL AND outcome <> 'unpriced') AS unpriced,
    count(*) FILTER (WHERE outcome NOT IN ('budget_spent', 'unpriced', 'paused')) AS calls,
    count(*) FILTER (WHERE outcome NOT IN ('answered', 'under_way', 'budget_spent', 'unpriced', 'paused')) AS failed
  FROM llm_calls
  WHERE day >= period.starts AND day < period.ends
) AS call ON true
GROUP BY period.place, period.starts, period.ends
ORDER BY period.place
