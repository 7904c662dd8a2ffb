-- A drill of the kill switch begins.
INSERT INTO trading_drills (run_url) VALUES (:run_url) RETURNING id
