-- The limit of connections and the tablespace of a database.
SELECT d.datconnlimit, t.spcname
FROM pg_database AS d
JOIN pg_tablespace AS t ON t.oid = d.dattablespace
WHERE d.datname = :name
