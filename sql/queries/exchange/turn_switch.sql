-- Writes a change of the trading switch. The newest row (id) counts.
INSERT INTO trading_switch (state, reason, changed_by)
VALUES (:state, :reason, :by)
RETURNING id, state, reason, changed_by, changed_at
