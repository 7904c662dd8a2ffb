-- A wallet of the caller's, what was last read of it, and the state of its user; no row: it is another's, or unknown.
SELECT
  holder.wallet, holder.user_id, known.amount * CAST('1e-' || known.decimals AS numeric) AS balance,
  CASE WHEN newest.amount IS NOT NULL AND holder.added_at <= finished.checked_at
    THEN greatest(known.checked_at, finished.checked_at)
    ELSE known.checked_at
  END AS checked_at,
  coalesce(granted.state, 'unknown') AS state, granted.since, granted.grace_ends_at,
  coalesce(granted.reason, 'nobody has judged it yet') AS reason
FROM token_holders AS holder
CROSS JOIN (
  SELECT max(checked_at) AS checked_at FROM access_checks WHERE finished_at IS NOT NULL AND checked_at <= now()
) AS finished
LEFT JOIN LATERAL (
  SELECT amount FROM token_balances AS balance
  WHERE balance.wallet = holder.wallet ORDER BY balance.checked_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
  SELECT amount, decimals, checked_at FROM token_balances AS balance
  WHERE balance.wallet = holder.wallet AND balance.amount IS NOT NULL ORDER BY balance.checked_at DESC LIMIT 1
) AS known ON true
LEFT JOIN LATERAL (
  SELECT state, since, grace_ends_at, reason FROM access_grants AS granted
  WHERE granted.user_id = holder.user_id ORDER BY granted.since DESC LIMIT 1
) AS granted ON true
WHERE holder.wallet = :wallet
  AND holder.removed_at IS NULL
  AND (CAST(:only_user AS uuid) IS NULL OR holder.user_id = :only_user)
