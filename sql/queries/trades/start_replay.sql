-- Writes down a replay, once; answers with its id if it is new.
INSERT INTO replays (id, requested_by, reason, dry_run, redo, filter, settings, run_url)
VALUES (:replay_id, :requested_by, :reason, :dry_run, :redo, CAST(:filter AS jsonb), CAST(:settings AS jsonb), :run_url)
ON CONFLICT (id) DO NOTHING
RETURNING id
