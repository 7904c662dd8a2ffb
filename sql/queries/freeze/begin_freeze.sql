-- Begins a freeze.
INSERT INTO freezes (groups, author, reason, begins_at, ends_at)
VALUES (CAST(:groups AS text[]), :author, :reason, now(), now() + CAST(:lasts AS interval))
RETURNING *
