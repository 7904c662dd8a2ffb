-- Delete the rows of {table} whose {names} stand in the archive.
DELETE FROM {table}
USING unnest({values}) AS archived ({names})
WHERE {same} AND {table}.{time} BETWEEN :first AND :last
