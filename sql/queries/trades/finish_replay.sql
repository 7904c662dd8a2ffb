-- Ends a replay with its report, once; the report that it ended with first stays.
UPDATE replays
SET finished_at = now(), report = CAST(:report AS jsonb)
WHERE id = :replay_id AND finished_at IS NULL
