-- Stores a round. A service of these kinds that it no longer looks at gets a last row without a status, so that an
-- old answer neither counts nor grows stale.
WITH round AS (
  INSERT INTO probe_results (
    service, kind, status, reason, checked_at, asked_at, check_every, latency_ms, newest, expected_by, freshness,
    completeness, quota_used, quota_limit, quota_window, answer, sandbox, own_part, run_url
  )
  SELECT
    service, kind, status, reason, checked_at, asked_at, :check_every, latency_ms, newest, expected_by, freshness,
    completeness, quota_used, quota_limit, quota_window, answer, sandbox, own_part, :run_url
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS look (
    service text, kind text, status text, reason text, checked_at timestamptz, asked_at timestamptz,
    latency_ms numeric, newest timestamptz, expected_by timestamptz, freshness text, completeness numeric,
    quota_used integer, quota_limit integer, quota_window interval, answer jsonb, sandbox boolean, own_part boolean
  )
  RETURNING service, checked_at
)
INSERT INTO probe_results (service, kind, status, reason, checked_at, check_every, run_url)
SELECT service, kind, NULL, 'no longer looked at', (SELECT max(checked_at) FROM round), :check_every, :run_url
FROM probe_status
WHERE kind = ANY (CAST(:kinds AS text[]))
  AND service NOT IN (SELECT service FROM round)
  AND reason <> 'no longer looked at'
