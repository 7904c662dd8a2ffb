-- The settings of a database, of all roles (null) and of single ones.
SELECT r.rolname AS role, unnest(s.setconfig) AS setting
FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
WHERE d.datname = :name AND (s.setrole = 0 OR r.rolname IS NOT NULL)
