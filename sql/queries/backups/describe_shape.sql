-- What a database has from its birth: encoding, who sorts and how. Some columns are newer than PostgreSQL 15, and
-- one was renamed.
SELECT
  pg_encoding_to_char(encoding) AS encoding,
  datcollate AS collate,
  datctype AS ctype,
  to_jsonb(d) ->> 'datlocprovider' AS provider,
  to_jsonb(d) ->> 'daticurules' AS rules,
  coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
FROM pg_database AS d
WHERE datname = :name
