-- The states of all services that somebody looks at, for one word on the whole platform. What is not known does not
-- count; what is no longer looked at is unknown, and nobody may take that for health.
SELECT coalesce(bool_or(stale OR status <> 'healthy'), false) AS troubled
FROM probe_status
