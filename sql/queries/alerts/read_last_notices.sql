-- The last notice of each of these alerts, while they fired.
SELECT DISTINCT ON (fingerprint) fingerprint, title, owner, runbook_url, channels
FROM alert_notices
WHERE fingerprint = ANY (CAST(:fingerprints AS text[])) AND kind IN ('firing', 'escalated')
ORDER BY fingerprint, created_at DESC
