-- All wallets were read.
UPDATE access_checks
SET finished_at = now()
WHERE checked_at = :at AND claim = :claim
RETURNING wallets, unreadable
