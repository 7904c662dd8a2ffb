-- Claims the check of a moment, or takes over one that its run left; no row: it is done, another run reads, or the moment is
-- judged already. Under a lock, so that of two that begin at once one does.
WITH other AS MATERIALIZED (
  SELECT count(*) AS working
  FROM access_checks
  WHERE finished_at IS NULL AND claimed_until > now() AND run_id <> :run_id
)
INSERT INTO access_checks AS known (checked_at, run_id, claim, claimed_until, slot)
SELECT
  :at, :run_id, :claim, now() + CAST(:lease AS interval),
  coalesce((SELECT max(slot) FROM access_checks WHERE checked_at < :at), 0)
FROM other
WHERE working = 0
  AND NOT EXISTS (SELECT FROM access_counts WHERE judged_at >= :at)
ON CONFLICT (checked_at) DO UPDATE
SET run_id = excluded.run_id, claim = excluded.claim, claimed_until = excluded.claimed_until
WHERE known.finished_at IS NULL
RETURNING known.read_to, known.slot
