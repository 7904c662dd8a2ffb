-- Every database that may be connected to or was kept. A managed server has databases whose size nobody else may
-- ask, and one may just be dropped: their size is 0.
SELECT
  datname,
  pg_get_userbyid(datdba) AS owner,
  CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END AS size
FROM pg_database
WHERE NOT datistemplate
ORDER BY datname
