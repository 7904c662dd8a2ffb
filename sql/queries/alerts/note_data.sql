-- Write down which rules are in force, and of which this evaluation had a value. A rule that was rewritten is another.
WITH known AS (
  SELECT *
  FROM jsonb_to_recordset(CAST(:rules AS jsonb)) AS known (rule text, definition text, has_data boolean)
),
retired AS (
  DELETE FROM alert_rule_data WHERE rule NOT IN (SELECT rule FROM known)
)
INSERT INTO alert_rule_data AS held (rule, definition, adopted_at, data_at)
SELECT rule, definition, CAST(:at AS timestamptz), CASE WHEN has_data THEN CAST(:at AS timestamptz) END
FROM known
ON CONFLICT (rule) DO UPDATE SET
  definition = excluded.definition,
  adopted_at = CASE WHEN held.definition = excluded.definition THEN held.adopted_at ELSE excluded.adopted_at END,
  data_at = CASE WHEN held.definition = excluded.definition
    THEN coalesce(excluded.data_at, held.data_at) ELSE excluded.data_at END
-- A time of data is refreshed once an hour: nobody asks more exactly, and each minute would rewrite all rows.
WHERE held.definition <> excluded.definition
  OR (excluded.data_at IS NOT NULL AND coalesce(held.data_at, '-infinity') < excluded.data_at - interval '1 hour')
