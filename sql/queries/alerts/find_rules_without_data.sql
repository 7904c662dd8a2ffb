-- Rules of which no evaluation had a value yet, as they are written now, and since when they are in force.
SELECT rule, adopted_at
FROM alert_rule_data
JOIN jsonb_to_recordset(CAST(:rules AS jsonb)) AS known (rule text, definition text) USING (rule, definition)
WHERE data_at IS NULL
