-- Puts a rule set into force, also one that was in force before; the 20 latest are kept.
WITH adopted AS (
  INSERT INTO alert_rule_sets (hash, adopted_at, path, content)
  VALUES (:hash, clock_timestamp(), :path, CAST(:content AS jsonb))
  ON CONFLICT (hash) DO UPDATE SET adopted_at = excluded.adopted_at, path = excluded.path
)
DELETE FROM alert_rule_sets
WHERE hash <> :hash
  AND adopted_at < (
    SELECT adopted_at FROM alert_rule_sets WHERE hash <> :hash ORDER BY adopted_at DESC OFFSET 18 LIMIT 1
  )
