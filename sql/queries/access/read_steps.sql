-- What was required since :since, in order, and what was required then.
SELECT valid_from, requirement
FROM token_requirements
WHERE requirement IS NOT NULL AND valid_from <= :at AND valid_from >= coalesce(
  (SELECT max(valid_from) FROM token_requirements WHERE requirement IS NOT NULL AND valid_from <= :since), '-infinity'
)
ORDER BY valid_from
