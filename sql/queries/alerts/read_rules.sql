-- The rules that were accepted last: they are in force, also while the file is broken.
SELECT hash, content, adopted_at FROM alert_rule_sets ORDER BY adopted_at DESC, hash LIMIT 1
