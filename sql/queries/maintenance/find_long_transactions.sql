-- Transactions open for long: they keep vacuum from cleaning, and locks from others.
SELECT pid, usename AS role, application_name, state, now() - xact_start AS open_for
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - :longer_than
ORDER BY xact_start
LIMIT 20
