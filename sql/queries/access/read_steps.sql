-- What was required in order, up to :at: since :since, or since the first raise whose grace ended after :ended or goes on, and
-- what was required before. A raise without an end of its own has the grace that is set.
SELECT valid_from, requirement, coalesce(grace_ends_at, valid_from + CAST(:grace AS interval)) AS grace_ends_at
FROM token_requirements
WHERE requirement IS NOT NULL AND valid_from <= :at AND valid_from >= coalesce(
  (
    SELECT max(valid_from)
    FROM token_requirements
    WHERE requirement IS NOT NULL AND valid_from < least(
      CAST(:since AS timestamptz),
      (SELECT min(valid_from) FROM token_requirements WHERE outcome = 'raised' AND grace_ends_at > :ended)
    )
  ),
  '-infinity'
)
ORDER BY valid_from
