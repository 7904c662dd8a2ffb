-- Who was let in or shut out, what was held back and brought back in each period, in the order of :begins.
SELECT
  (SELECT count(*) FROM api_keys WHERE created_at >= period.begins AND created_at < period.ends) AS keys_made,
  (SELECT count(*) FROM api_keys WHERE revoked_at >= period.begins AND revoked_at < period.ends) AS keys_revoked,
  (SELECT count(*) FROM alert_silences WHERE created_at >= period.begins AND created_at < period.ends) AS silences,
  (SELECT count(*) FROM restores WHERE finished_at >= period.begins AND finished_at < period.ends) AS restores,
  (SELECT count(*) FROM freezes WHERE begins_at >= period.begins AND begins_at < period.ends) AS freezes
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY
  AS period (begins, ends, place)
ORDER BY period.place
