SELECT hash, content, adopted_at FROM alert_rule_sets ORDER BY adopted_at DESC LIMIT 1
