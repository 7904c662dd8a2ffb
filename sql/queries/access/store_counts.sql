-- How many holders were in each state.
INSERT INTO access_counts (judged_at, full_holders, grace_holders, none_holders, unknown_holders)
VALUES (:at, :full, :grace, :none, :unknown)
ON CONFLICT (judged_at) DO NOTHING
