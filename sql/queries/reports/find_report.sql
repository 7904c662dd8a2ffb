-- The report on a period, in its newest version.
SELECT id, version, run_url FROM reports WHERE kind = :kind AND period_start = :start
