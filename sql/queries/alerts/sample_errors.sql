-- Errors as samples of 1, with what a rule may group and filter by.
SELECT
  timestamp AS at,
  CAST(1 AS double precision) AS value,
  error_type AS label_1,
  severity AS label_2,
  -- Who keeps us out says 401 or 403; libraries put it into words.
  CASE
    WHEN context ->> 'status' IN ('401', '403')
      OR error_message ~* '\y(401|403|unauthori[sz]ed|forbidden|authentication|invalid (api )?key)\y'
      THEN 'authentication'
    WHEN context ->> 'status' = '429' OR error_message ~* '\y(429|rate.?limit|too many requests)\y'
      THEN 'rate_limit'
    ELSE 'other'
  END AS label_3
FROM atge_error_logs
WHERE timestamp > CAST(:at AS timestamptz) - make_interval(secs => wanted.seconds)
  AND timestamp <= CAST(:at AS timestamptz)
