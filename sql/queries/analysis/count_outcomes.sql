-- What became of the trades of a run's work list.
SELECT
  coalesce(request.outcome, 'unfinished') AS outcome,
  count(*) AS trades
FROM analysis_requests AS request
WHERE request.claim_id = :claim_id
GROUP BY 1
ORDER BY 2 DESC, 1
