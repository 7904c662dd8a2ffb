-- The next moment up to :at to judge, after those that are judged: one at which balances were read, the half hour after
-- something else that may change a state, and :at itself. It follows from what is stored of the time before it, so that runs
-- in any order judge the same moments. None: nothing is due, or another run reads balances of a moment before it.
WITH start AS MATERIALIZED (
  SELECT coalesce(
    (SELECT max(judged_at) FROM access_counts WHERE judged_at < :at),
    least(
      CAST(:at AS timestamptz),
      (SELECT min(valid_from) FROM token_requirements),
      (SELECT min(checked_at) FROM access_checks),
      (SELECT min(checked_at) FROM token_balances)
    ) - interval '1 microsecond'
  ) AS judged
), happened (moment) AS (
  SELECT CAST(:at AS timestamptz)
  UNION ALL
  SELECT min(checked_at) FROM access_checks, start WHERE checked_at > judged
  UNION ALL
  SELECT min(checked_at) FROM token_balances, start WHERE checked_at > judged
  UNION ALL
  SELECT half_past(happened_at)
  FROM (
    (
      SELECT valid_from
      FROM token_requirements AS decision, start
      WHERE valid_from > judged AND requirement IS DISTINCT FROM (
        SELECT requirement
        FROM token_requirements AS former
        WHERE former.valid_from < decision.valid_from
        ORDER BY former.valid_from DESC
        LIMIT 1
      )
      ORDER BY valid_from
      LIMIT 1
    )
    UNION ALL
    SELECT min(grace_ends_at) FROM access_grants, start WHERE state = 'grace' AND grace_ends_at > judged
    UNION ALL
    SELECT min(added_at) FROM token_holders, start WHERE added_at > judged
    UNION ALL
    SELECT min(removed_at) FROM token_holders, start WHERE removed_at > judged
    UNION ALL  -- what was read is too old from just after its patience on
    SELECT min(checked_at) + CAST(:patience AS interval) + interval '1 microsecond'
    FROM access_checks, start
    WHERE checked_at >= judged - CAST(:patience AS interval)
    UNION ALL
    SELECT min(checked_at) + CAST(:patience AS interval) + interval '1 microsecond'
    FROM token_balances, start
    WHERE checked_at >= judged - CAST(:patience AS interval)
  ) AS other (happened_at)
  WHERE happened_at <= :at
), next AS (
  SELECT min(moment) AS moment
  FROM happened, start
  WHERE moment > judged AND moment <= :at
    AND NOT EXISTS (SELECT FROM access_counts WHERE judged_at = :at)
)
SELECT moment
FROM next
WHERE NOT EXISTS (
  SELECT
  FROM access_checks
  WHERE finished_at IS NULL AND claimed_until > now() AND checked_at <> :at AND checked_at <= moment
)
