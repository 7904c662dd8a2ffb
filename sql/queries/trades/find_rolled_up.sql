-- From which day on the trades themselves are read, and how many days before it wait for roll_up_stats. Of today and of
-- yesterday, which may not be rolled up yet, the trades are read; of an older day what is kept.
SELECT live_from, waiting
FROM (
  SELECT CASE WHEN EXISTS (SELECT FROM daily_kpis WHERE day = today - 1)
    AND NOT EXISTS (SELECT FROM daily_stats_due WHERE day = today - 1)
    THEN today ELSE today - 1 END AS live_from
  FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock
) AS start
CROSS JOIN LATERAL (
  SELECT count(DISTINCT day) AS waiting
  FROM daily_stats_due
  WHERE day BETWEEN :first AND :last AND day < live_from
) AS due
