-- Write down that a pass over the rules took place, and what came of it.
INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices, failed)
VALUES (:at, :seconds, :rule_set, :rules, :instances, :changes, :notices, CAST(:failed AS jsonb))
