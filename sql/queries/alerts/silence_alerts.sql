-- Begins a silence.
INSERT INTO alert_silences (matchers, author, reason, starts_at, ends_at)
SELECT CAST(:matchers AS jsonb), :author, :reason, begins, begins + CAST(:lasts AS interval)
FROM (SELECT coalesce(CAST(:starts_at AS timestamptz), now()) AS begins) AS moment
RETURNING *
