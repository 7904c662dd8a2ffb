INSERT INTO alert_evaluations (at, seconds, rule_set, rules, instances, changes, notices, failed)
VALUES (:at, :seconds, :rule_set, :rules, :instances, :changes, :notices, CAST(:failed AS jsonb))
