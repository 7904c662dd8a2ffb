-- Keeps what a page of wallets holds where it differs from before, and how far the check has come: under its claim, or
-- not at all.
WITH fenced AS (
  UPDATE access_checks
  SET
    read_to = :read_to,
    claimed_until = now() + CAST(:lease AS interval),
    wallets = wallets + :wallets,
    unreadable = unreadable + :unreadable,
    slot = greatest(slot, :slot)
  WHERE checked_at = :at AND claim = :claim
  RETURNING checked_at
), changed AS (
  INSERT INTO token_balances AS known (wallet, checked_at, amount, decimals, slot, reason)
  SELECT reading.wallet, fenced.checked_at, reading.amount, :decimals, reading.slot, reading.reason
  FROM fenced
  CROSS JOIN jsonb_to_recordset(CAST(:readings AS jsonb)) AS reading (
    wallet text, amount numeric, slot bigint, reason text
  )
  LEFT JOIN LATERAL (
    SELECT wallet, amount
    FROM token_balances AS before
    WHERE before.wallet = reading.wallet AND before.checked_at < :at
    ORDER BY before.checked_at DESC
    LIMIT 1
  ) AS newest ON true
  WHERE newest.wallet IS NULL OR newest.amount IS DISTINCT FROM reading.amount
  ON CONFLICT (wallet, checked_at) DO NOTHING
)
SELECT count(*) FROM fenced
