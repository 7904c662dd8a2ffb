-- What came of a drill of the kill switch, step by step.
UPDATE trading_drills
SET finished_at = clock_timestamp(), success = :success, steps = CAST(:steps AS jsonb)
WHERE id = :id
