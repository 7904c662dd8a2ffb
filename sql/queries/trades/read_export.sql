-- An export as it is written down.
SELECT *, now() AS at FROM exports WHERE id = :export_id
