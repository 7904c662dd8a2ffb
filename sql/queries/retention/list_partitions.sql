-- The partitions of a table, and those that were detached on their way into the archive: how far each has come.
SELECT
  pg_class.oid::regclass::text AS name,
  CASE
    WHEN inhdetachpending THEN 'detaching'
    WHEN relispartition THEN 'attached'
    WHEN relname ^@ :detached THEN 'archiving'
    ELSE 'detached'
  END AS state
FROM pg_class
LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
WHERE
  inhparent = CAST(:table AS regclass)
  OR (
    relkind = 'r'
    AND NOT relispartition
    AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = CAST(:table AS regclass))
    AND relname ~ :pattern
  )
