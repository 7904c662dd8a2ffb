-- What each service answered when it was really asked last.
SELECT asked.service, last.asked_at, last.answer
FROM unnest(CAST(:services AS text[])) AS asked (service)
CROSS JOIN LATERAL (
  SELECT asked_at, answer
  FROM probe_results
  WHERE service = asked.service AND asked_at = checked_at AND answer IS NOT NULL
    AND checked_at <= now() + interval '1 minute'  -- a clock that was ahead is not believed
  ORDER BY checked_at DESC
  LIMIT 1
) AS last
