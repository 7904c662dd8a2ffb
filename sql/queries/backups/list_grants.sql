-- The grants of a database to others than its owner; the role is null for PUBLIC.
SELECT
  a.privilege_type AS privilege,
  a.is_grantable,
  CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS role
FROM pg_database AS d, aclexplode(d.datacl) AS a
WHERE d.datname = :name AND a.grantee <> d.datdba
