-- A page of users, in order: what they hold as far as it was known at :at, since when that is known, and the state before.
-- A wallet without a row of a check that finished was read by it, and holds what it held.
WITH page AS MATERIALIZED (
  SELECT user_id
  FROM (
    (
      SELECT DISTINCT user_id FROM token_holders
      WHERE user_id > :after AND added_at <= :at
      ORDER BY user_id LIMIT :users
    )
    UNION
    (
      SELECT DISTINCT user_id FROM access_grants
      WHERE user_id > :after AND since < :at
      ORDER BY user_id LIMIT :users
    )
  ) AS known
  ORDER BY user_id
  LIMIT :users
), finished AS MATERIALIZED (
  SELECT max(checked_at) AS checked_at FROM access_checks WHERE finished_at IS NOT NULL AND checked_at <= :at
), held AS MATERIALIZED (
  SELECT
    page.user_id,
    count(*) AS wallets,
    count(known.amount) AS read,
    sum(known.amount * CAST('1e-' || known.decimals AS numeric)) AS tokens,
    min(
      CASE
        WHEN newest.amount IS NULL THEN greatest(
          known.checked_at,
          (
            SELECT max(checked_at) FROM access_checks
            WHERE finished_at IS NOT NULL AND checked_at < newest.checked_at
          )
        )
        WHEN holder.added_at <= finished.checked_at THEN greatest(known.checked_at, finished.checked_at)
        ELSE known.checked_at
      END
    ) FILTER (WHERE known.amount IS NOT NULL) AS checked_at
  FROM page
  JOIN token_holders AS holder USING (user_id)
  CROSS JOIN finished
  LEFT JOIN LATERAL (
    SELECT amount, decimals, checked_at
    FROM token_balances AS balance
    WHERE balance.wallet = holder.wallet AND balance.checked_at <= :at
    ORDER BY balance.checked_at DESC
    LIMIT 1
  ) AS newest ON true
  LEFT JOIN LATERAL (
    SELECT amount, decimals, checked_at
    FROM token_balances AS balance
    WHERE balance.wallet = holder.wallet AND balance.checked_at <= newest.checked_at AND balance.amount IS NOT NULL
    ORDER BY balance.checked_at DESC
    LIMIT 1
  ) AS known ON true
  WHERE holder.added_at <= :at AND (holder.removed_at IS NULL OR holder.removed_at > :at)
  GROUP BY page.user_id
)
SELECT
  page.user_id, coalesce(held.wallets, 0) AS wallets, coalesce(held.read, 0) AS read, held.tokens, held.checked_at,
  former.state, former.since, former.grace_ends_at, former.held_since, former.reason
FROM page
LEFT JOIN held USING (user_id)
LEFT JOIN LATERAL (
  SELECT state, since, grace_ends_at, held_since, reason
  FROM access_grants AS granted
  WHERE granted.user_id = page.user_id AND granted.since < :at
  ORDER BY granted.since DESC
  LIMIT 1
) AS former ON true
ORDER BY page.user_id
