-- The sessions in some databases but our own, and whether this login may end them. Autovacuum workers belong to no
-- user: only superusers may end them, and RENAME ends them by itself. Who may end a session: a superuser, a member
-- of its role, and one of pg_signal_backend if it is no superuser's.
SELECT s.pid, coalesce(r.rolname, s.usesysid::text) AS role, s.application_name AS application,
  me.rolsuper OR (NOT coalesce(r.rolsuper, false) AND (
    pg_has_role(current_user, s.usesysid, 'USAGE')
    OR pg_has_role(current_user, 'pg_signal_backend', 'USAGE'))) AS endable
FROM pg_stat_activity AS s
LEFT JOIN pg_roles AS r ON r.oid = s.usesysid
JOIN pg_roles AS me ON me.rolname = current_user
WHERE s.datname = ANY(:names) AND s.usesysid IS NOT NULL AND s.pid <> pg_backend_pid()
ORDER BY s.pid
