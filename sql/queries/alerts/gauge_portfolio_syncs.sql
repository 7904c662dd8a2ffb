-- For how long nobody has seen a portfolio of a gateway or an exchange; one that was not seen for a month is given up. A file
-- is as old as whoever writes it makes it.
SELECT 'age_seconds' AS gauge,
  CAST(greatest(0, extract(epoch FROM CAST(:at AS timestamptz) - max(taken_at))) AS double precision) AS value,
  portfolio_id AS label_1, CAST(NULL AS text) AS label_2, CAST(NULL AS text) AS label_3
FROM portfolio_syncs
WHERE outcome = 'complete' AND source <> 'file'
  AND finished_at BETWEEN CAST(:at AS timestamptz) - interval '30 days' AND CAST(:at AS timestamptz)
GROUP BY portfolio_id
