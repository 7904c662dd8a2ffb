-- How old the newest snapshot of each portfolio is; one that was not seen for a month is given up. A file is as old as it says:
-- it is written by hand, or once a day, so its age is a gauge of its own.
SELECT CASE source WHEN 'file' THEN 'file_age_seconds' ELSE 'age_seconds' END AS gauge,
  CAST(greatest(0, extract(epoch FROM CAST(:at AS timestamptz) - max(taken_at))) AS double precision) AS value,
  portfolio_id AS label_1, CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM portfolio_syncs
WHERE outcome = 'complete'
  AND finished_at BETWEEN CAST(:at AS timestamptz) - interval '30 days' AND CAST(:at AS timestamptz)
GROUP BY source, portfolio_id
