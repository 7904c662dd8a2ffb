-- Takes one of :most places for streamed exports until the end of the transaction; no row: all are taken.
SELECT place
FROM generate_series(1, CAST(:most AS integer)) AS place
WHERE pg_try_advisory_xact_lock(CAST(:lock AS integer), place)
LIMIT 1
