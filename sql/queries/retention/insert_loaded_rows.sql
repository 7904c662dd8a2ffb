-- Put rows back that were copied into `loaded`; those that {table} has again are left alone.
INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE
SELECT {names} FROM loaded
ON CONFLICT DO NOTHING
